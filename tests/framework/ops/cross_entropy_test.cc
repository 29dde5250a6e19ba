#include "framework/ops/cross_entropy.h"

#include "framework/ops/linear.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op with(CrossEntropyOptions options = {}) {
  return [=](const auto& in) { return cross_entropy(in[0], in[1], options); };
}

Tensor classes(const std::vector<int64_t>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

std::vector<int64_t> counting(int64_t n, int64_t modulus) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < n; ++i) out.push_back(i * 7 % modulus);
  return out;
}

}  // namespace

TEST_CASE("cross_entropy") {
  // The references are -sum q log_softmax(x) evaluated in double precision outside this program.
  const Tensor x = Tensor::from<double>({1, 2, 0.5, 0, -1, 3, 2, 2, -2, 0.25, 0, -0.5}, {4, 3});
  const Tensor target = classes({1, 2, -100, 0});
  for (const OpCase& test : std::vector<OpCase>{
           {"one row ignored", with(), {x, target}, {0.44723386181996266}},
           {"smoothed", with({.label_smoothing = 0.1}), {x, target}, {0.5639005284866293}},
           {"smoothed to the end", with({.label_smoothing = 1}), {x, target}, {1.613900528486629}},
           {"another index ignored",
            with({.ignore_index = 7}),
            {x, classes({1, 2, 7, 0})},
            {0.44723386181996266}},
           {"a class ignored",
            with({.ignore_index = 0}),
            {x, classes({0, 2, 0, 0})},
            {0.06588390375742911}},
           {"all ignored", with(), {x, classes({-100, -100, -100, -100})}, {0}},
           {"no rows", with(), {uniform({0, 3}), classes({})}, {0}},
           {"one class", with(), {uniform({2, 1}), classes({0, 0})}, {0}},
           {"large logits",
            with(),
            {Tensor::from<double>({1000, 0, 0, 1000}, {2, 2}), classes({0, 0})},
            {500}},
           {"two columns of padding",
            with({.label_smoothing = 0.1, .classes = 3}),
            {Tensor::from<double>(
                 {1, 2, 0.5, 9, -9, 0, -1, 3, 7, 7, 2, 2, -2, 99, 1, 0.25, 0, -0.5, 8, -8}, {4, 5}),
             target},
            {0.5639005284866293}},
           {"padding after a vector's first elements",
            with({.classes = 2051}),
            {uniform({5, 2056}, -9, 9), classes(counting(5, 2051))}},
           {"longer than the lanes",
            with({.label_smoothing = 0.1}),
            {uniform({33, 101}, -9, 9), classes(counting(33, 101))}},
           {.name = "a class that is none",
           .op = with(),
           .inputs = {x, classes({1, 2, 3, 0})},
           .throws =
                "[cross_entropy] a target must be in [0, 3) or -100 (ignored); got 3 at row 2."},
           {.name = "a class of the padding",
           .op = with({.classes = 2}),
           .inputs = {x, target},
           .throws =
                "[cross_entropy] a target must be in [0, 2) or -100 (ignored); got 2 at row 1."},
           {.name = "more classes than columns",
           .op = with({.classes = 4}),
           .inputs = {x, target},
           .throws = "[cross_entropy] classes must be in [0, 3], columns of f64[4, 3]; got 4."},
           {.name = "a negative class",
           .op = with({.ignore_index = 0}),
           .inputs = {x, classes({1, -1, 0, 0})},
           .throws = "or 0 (ignored); got -1 at row 1."},
           {.name = "targets of another type",
           .op = with(),
           .inputs = {x, Tensor::from<int32_t>({0, 0, 0, 0}, {4})},
           .throws = "[cross_entropy] the target must be i64[4], one class a row of f64[4, 3]; got "
                     "i32[4]."},
           {.name = "too few targets",
           .op = with(),
           .inputs = {x, classes({0})},
           .throws = "[cross_entropy] the target must be i64[4], one class a row of f64[4, 3]; got "
                     "i64[1]."},
           {.name = "logits of rank 1",
           .op = with(),
           .inputs = {uniform({3}), classes({0, 0, 0})},
           .throws = "[cross_entropy] the logits must be [N, C]; got f64[3]."},
           {.name = "smoothing out of range",
           .op = with({.label_smoothing = 1.5}),
           .inputs = {x, target},
           .throws = "[cross_entropy] label_smoothing must be in [0, 1]; got 1.5."},
       })
    check(test);
}

TEST_CASE("cross_entropy: of a linear layer's padded logits") {
  check({.name = "as without padding",
         .op =
             [](const auto& in) {
               const Tensor logits = linear(in[0], in[1], {}, {.pads = true});
               return cross_entropy(logits, in[2], {.label_smoothing = 0.1, .classes = 21});
             },
         .inputs = {uniform({9, 16}), uniform({21, 16}, -1, 1, 1), classes(counting(9, 21))}});
}

TEST_CASE("cross_entropy: a right answer is not lost to rounding in f32") {
  // log(1 + e^-20) = 2.06e-9, far below the rounding error of the log-sum-exp itself.
  const Tensor x = Tensor::from<float>({120, 100}, {1, 2});
  CHECK(cross_entropy(x, classes({0})).item() < 1e-6);
  CHECK(cross_entropy(x, classes({1})).item() == doctest::Approx(20.0));
}

TEST_CASE("cross_entropy: a NaN is not hidden") {
  const Tensor x = Tensor::from<float>({0, std::numeric_limits<float>::quiet_NaN()}, {1, 2});
  CHECK(std::isnan(cross_entropy(x, classes({0})).item()));
}

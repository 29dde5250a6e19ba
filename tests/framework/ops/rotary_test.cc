#include "framework/ops/rotary.h"

#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

Op rotate(double base = 10000, int64_t first_position = 0) {
  return [=](const auto& in) { return rotary(in[0], base, first_position); };
}

/// What the definition says, as a product of complex numbers.
std::vector<double> reference(const Tensor& x, double base = 10000, int64_t first_position = 0) {
  const int64_t T = x.dim(1), H = x.dim(2), half = x.dim(3) / 2;
  std::vector<double> y(static_cast<size_t>(x.numel()));
  for (int64_t i = 0; i < x.numel() / 2; ++i) {
    const int64_t d = i % half, head = i / half, t = head / H % T, at = head * 2 * half + d;
    const double angle =
        static_cast<double>(first_position + t) *
        std::exp(-std::log(base) * static_cast<double>(2 * d) / static_cast<double>(2 * half));
    const double a = x.data<double>()[at], b = x.data<double>()[at + half];
    y[static_cast<size_t>(at)] = a * std::cos(angle) - b * std::sin(angle);
    y[static_cast<size_t>(at + half)] = a * std::sin(angle) + b * std::cos(angle);
  }
  return y;
}

}  // namespace

TEST_CASE("rotary") {
  const Tensor x = uniform({2, 5, 3, 8}), wide = uniform({3, 4, 2, 70});
  for (const OpCase& test : std::vector<OpCase>{
           // Position 0 stays; position 1 turns its first pair by 1, its second by 0.01.
           {"known values",
            rotate(),
            {Tensor::from<double>({1, 2, 3, 4, 1, 1, 0, 0}, {1, 2, 1, 4})},
            {1, 2, 3, 4, 0.5403023058681398, 0.9999500004166653, 0.8414709848078965,
             0.009999833334166664}},
           {"several heads", rotate(), {x}, reference(x)},
           {"another base and a later position",
            rotate(500, 1000),
            {x},
            reference(x, 500, 1000),
            1e-11},
           {"wider than a vector", rotate(), {wide}, reference(wide)},
           {.name = "empty", .op = rotate(), .inputs = {uniform({2, 0, 3, 4})}},
           {.name = "odd width",
           .op = rotate(),
           .inputs = {uniform({1, 2, 3, 5})},
           .throws = "[rotary] x must be row-major [N, T, H, D] with an even D; got "
                     "f64[1, 2, 3, 5]."},
           {.name = "no base",
           .op = rotate(0),
           .inputs = {x},
           .throws = "[rotary] base must be positive; got 0."},
           {.name = "integers",
           .op = rotate(),
           .inputs = {Tensor::from<int32_t>({1, 2}, {1, 1, 1, 2})},
           .throws = "[rotary] dtype must be f32 or f64; got i32"},
       })
    check(test);
}

TEST_CASE("rotary: scores depend on the distance only") {
  const Tensor q = uniform({1, 1, 1, 16}, -1, 1, 1), k = uniform({1, 1, 1, 16}, -1, 1, 2);
  const auto score = [&](int64_t of_q, int64_t of_k) {
    const auto a = rotary(q, 10000, of_q).to_vector<double>();
    const auto b = rotary(k, 10000, of_k).to_vector<double>();
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  CHECK(score(9, 4) == doctest::Approx(score(105, 100)).epsilon(1e-12));
  CHECK(std::abs(score(9, 4) - score(9, 5)) > 1e-3);
}

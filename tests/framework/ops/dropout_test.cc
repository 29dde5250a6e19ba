#include "framework/ops/dropout.h"

#include "framework/ops/draws_cpu.h"
#include "tests/framework/ops/op_case.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr RandomKey kKey{.seed = 3, .stream = 1, .step = 5};

Op with(DropoutOptions options) {
  return [=](const auto& in) { return dropout(in[0], options); };
}

/// What the definition says, number by number.
std::vector<double> reference(const Tensor& x, double p) {
  RandomSequence random(kKey);
  std::vector<double> out;
  for (double value : x.to_vector<double>())
    out.push_back(random.uniform() >= static_cast<float>(p) ? value / (1 - p) : 0);
  return out;
}

}  // namespace

TEST_CASE("dropout") {
  const Tensor x = uniform({5, 7});
  for (const OpCase& test : std::vector<OpCase>{
           {"values", with({.p = 0.25, .key = kKey}), {x}, reference(x, 0.25)},
           {"evaluation",
            with({.p = 0.25, .key = kKey, .training = false}),
            {x},
            x.to_vector<double>()},
           {"p = 0", with({.p = 0, .key = kKey}), {x}, x.to_vector<double>()},
           {"p = 1", with({.p = 1, .key = kKey}), {x}, std::vector<double>(35, 0)},
           {"nhwc", with({.p = 0.5, .key = kKey}), {uniform({2, 3, 4, 5}, -1, 1, 0, Layout::nhwc)}},
           {"empty", with({.p = 0.5, .key = kKey}), {uniform({0})}},
           {.name = "p out of range",
           .op = with({.p = 1.5}),
           .inputs = {x},
           .throws = "[dropout] p must be in [0, 1]; got 1.5."},
           {.name = "integers",
           .op = with({.p = 0.5}),
           .inputs = {Tensor::from<int32_t>({1}, {1})},
           .throws = "[dropout] dtype must be f32 or f64; got i32"},
       })
    check(test);
}

TEST_CASE("dropout: added to a residual") {
  const auto op = [](DropoutOptions options) {
    return Op([=](const auto& in) { return add_dropout(in[0], in[1], options); });
  };
  const Tensor residual = uniform({5, 7}, -1, 1, 1), x = uniform({5, 7});
  std::vector<double> expected = reference(x, 0.25);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += residual.data<double>()[i];
  for (const OpCase& test : std::vector<OpCase>{
           {"values", op({.p = 0.25, .key = kKey}), {residual, x}, expected},
           {"evaluation", op({.p = 0.25, .key = kKey, .training = false}), {residual, x}},
           {.name = "another shape",
           .op = op({.p = 0.5}),
           .inputs = {uniform({7, 5}), x},
           .throws = "[dropout] the residual must be as x; got f64[7, 5] and f64[5, 7]."},
       })
    check(test);
}

TEST_CASE("dropout: the same numbers at any number of threads, others at another step") {
  const Tensor x = Tensor::full({50001}, 1.0);
  const int threads = cpu().threads();
  std::vector<std::vector<float>> results;
  for (int n : {1, 2, 3}) {
    cpu().set_threads(n);
    results.push_back(dropout(x, {.p = 0.3, .key = kKey}).to_vector<float>());
  }
  cpu().set_threads(threads);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
  RandomKey next = kKey;
  ++next.step;
  CHECK(results[0] != dropout(x, {.p = 0.3, .key = next}).to_vector<float>());
  // Four standard deviations of the number kept: 4 sqrt(0.3 * 0.7 / 50001).
  const auto kept =
      std::count_if(results[0].begin(), results[0].end(), [](float v) { return v > 0; });
  CHECK(static_cast<double>(kept) / 50001 == doctest::Approx(0.7).epsilon(0.0082 / 0.7));
}

TEST_CASE("dropout: the step may come from a tensor") {
  const Tensor x = Tensor::full({1000}, 1.0);
  RandomKey elsewhere = kKey;
  elsewhere.step = 77;
  const Tensor step = Tensor::from<int32_t>({static_cast<int32_t>(kKey.step)}, {1});
  CHECK(dropout(x, {.p = 0.3, .key = elsewhere, .step = step}).to_vector<float>() ==
        dropout(x, {.p = 0.3, .key = kKey}).to_vector<float>());
  check({.name = "of another type",
         .op = with({.p = 0.3, .step = Tensor::zeros({1})}),
         .inputs = {x},
         .throws = "[dropout] step must be i32[1] on the device of x; got f32[1] for f32[1000]."});
}

TEST_CASE("dropout: evaluation returns the same handle") {
  const Tensor x = uniform({3});
  CHECK(dropout(x, {.p = 0.5, .training = false}).id() == x.id());
}

TEST_CASE("dropout: numbers drawn together are the key's, across 2^32 blocks, too") {
  const RandomKey key{.seed = 0x123456789abcdef, .stream = 3, .step = 9};
  for (const int64_t first : {int64_t{0}, (int64_t{1} << 32) - 7, int64_t{1} << 40})
    for (const float p :
         {0.0f, 0.1f, uniform_from(key.word(static_cast<uint64_t>(4 * first))), 1.0f})
      for (const CpuIsa isa : {CpuIsa::portable, CpuIsa::avx2, CpuIsa::avx512}) {
        if (isa > cpu().isa()) continue;
        INFO("first block ", first, ", p ", p, ", kernels ", static_cast<int>(isa));
        const uint64_t kept = draws_at_least(isa, key, first, p);
        for (int64_t i = 0; i < kDraws; ++i)
          CHECK((kept >> i & 1) ==
                (uniform_from(key.word(static_cast<uint64_t>(4 * first + i))) >= p));
      }
}

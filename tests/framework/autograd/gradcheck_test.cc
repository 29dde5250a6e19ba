#include "framework/autograd/gradcheck.h"

#include <doctest/doctest.h>

#include <limits>

#include "framework/autograd/autograd.h"
#include "framework/ops/mul.h"

using namespace tessera;

namespace {

/// x^2 with the gradient `slope` * x; 2 would be right.
Tensor square(const Tensor& x, double slope) {
  const Tensor factor = Tensor::full(x.shape(), slope, x.options());
  const Tensor y = mul(x.detach(), x.detach());
  return record("square", {x}, y, [x = x.detach(), factor](const Tensor& dy) -> Gradients {
    return {mul(dy, mul(x, factor))};
  });
}

Tensor leaf(const std::vector<double>& values) {
  Tensor x = Tensor::from(values, {static_cast<int64_t>(values.size())});
  x.set_requires_grad();
  return x;
}

}  // namespace

TEST_CASE("a right gradient passes and a wrong one does not") {
  const Tensor x = leaf({1, -2, 3});
  CHECK(gradcheck([](const auto& in) { return square(in[0], 2); }, {x}).max_error < 1e-8);
  const auto wrong = gradcheck([](const auto& in) { return square(in[0], 2.002); }, {x});
  CHECK(wrong.max_error > 1e-4);
  CHECK(wrong.worst.find("input 0 element ") == 0);
}

TEST_CASE("a missing gradient counts as zero") {
  const Tensor x = leaf({1, 2});
  const auto result = gradcheck(
      [](const auto& in) {
        return record("square", {in[0]}, mul(in[0].detach(), in[0].detach()),
                      [](const Tensor&) -> Gradients { return {Tensor{}}; });
      },
      {x});
  CHECK(result.max_error > 0.5);
}

TEST_CASE("a NaN gradient does not pass") {
  const Tensor x = leaf({1});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto result = gradcheck([=](const auto& in) { return square(in[0], nan); }, {x});
  CHECK_FALSE(result.max_error < 1e300);
}

TEST_CASE("inputs are left as they were, large ones are sampled") {
  Tensor x = Tensor::full({3001}, 1.5, {.dtype = DType::f64});
  x.set_requires_grad();
  int calls = 0;
  const auto result = gradcheck(
      [&](const auto& in) {
        ++calls;
        return square(in[0], 2);
      },
      {x}, 1e-6, 100);
  CHECK(result.max_error < 1e-8);
  CHECK(calls <= 1 + 2 * 110);
  CHECK(calls >= 1 + 2 * 90);
  for (double value : x.to_vector<double>()) REQUIRE(value == 1.5);
}

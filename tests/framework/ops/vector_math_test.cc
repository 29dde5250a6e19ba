#include <doctest/doctest.h>

#include <vector>

#include "framework/ops/vector_math_cpu.h"

using namespace tessera;

TEST_CASE("vector_math: exp is within 2 units in the last place from underflow to overflow") {
  double worst = 0;
  // Below 2^-126 results are subnormal, with fewer digits.
  for (float x = -87.3f; x < 88.7f; x += 0.0013f) {
    const double want = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(static_cast<double>(vector_math::exp(x)) / want - 1));
  }
  CHECK(worst <= 2 * 0x1p-23);
  CHECK(worst > 0);
}

TEST_CASE("vector_math: exp at its ends") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(vector_math::exp(0.0f) == 1.0f);
  CHECK(vector_math::exp(-infinity) == 0.0f);
  CHECK(vector_math::exp(-1e30f) == 0.0f);
  CHECK(vector_math::exp(-104.0f) == 0.0f);
  CHECK(std::abs(vector_math::exp(-100.0f) - 0x1p-149 * 27) <= 0x1p-149);  // 3.72e-44
  CHECK(vector_math::exp(88.72f) < infinity);
  CHECK(vector_math::exp(88.73f) == infinity);
  CHECK(vector_math::exp(infinity) == infinity);
  CHECK(std::isnan(vector_math::exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("vector_math: tanh and the normal distribution over their ranges") {
  for (float x = -12; x < 12; x += 0.0137f) {
    CAPTURE(x);
    const double wide = x, phi = 0.5 * std::erfc(-wide / std::sqrt(2.0));
    REQUIRE(std::abs(vector_math::tanh(x) - std::tanh(wide)) <= 1.5e-7);
    // The formula's 7.5e-8 and two roundings at 0.5.
    REQUIRE(std::abs(vector_math::normal(x).cumulative - phi) <= 7.5e-8 + 0x1p-23);
    REQUIRE(std::abs(vector_math::normal(x).density - vector_math::normal(wide).density) <= 1e-7);
  }
}

TEST_CASE("vector_math: sums and maxima of every length around the lanes") {
  std::vector<float> x;
  for (int n = 0; n < 100; ++n) {
    const auto sum =
        vector_math::lane_sum<float>(n, [&](int64_t i) { return x[static_cast<size_t>(i)]; });
    CHECK(sum == static_cast<float>(n * (n - 1) / 2));  // small integers: exact
    const float max = vector_math::lane_max(n, x.data());
    CHECK(max == (n == 0 ? -std::numeric_limits<float>::infinity() : static_cast<float>(n - 1)));
    x.push_back(static_cast<float>(n));
  }
}

// Elementary functions and sums that the compiler can vectorise: no calls, no branches, no sums in
// one chain. For use inside vectorized(). The overloads for double are the C library's: f64 serves
// to check gradients.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace tessera::vector_math {

/// e^x = 2^n (1 + q) with n = round(x / ln 2), q = e^r - 1 and |r| <= ln(2) / 2.
struct ExpParts {
  float q;
  float scale1, scale2;  ///< 2^n as a product, since 2^128 and 2^-149 are no factors of f32
};

inline ExpParts exp_parts(float x) {
  // Beyond these e^x is 0 or infinite in f32; the comparisons let NaN pass.
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  constexpr float kRound = 0x1.8p23f;  // added, it leaves the nearest integer in the low bits
  const float shifted = x * 1.44269504f + kRound;
  const int32_t n = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound);
  const float rounded = shifted - kRound;
  // ln 2 in two parts, the first short enough that its product with n is exact.
  const float r = (x - rounded * 0x1.62e4p-1f) - rounded * 0x1.7f7d1cp-20f;
  // The Taylor series to r^7 / 7!; the next term is below 6e-9 for |r| <= ln(2) / 2.
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  const float q = r + r * r * p;
  const int32_t half = n >> 1;
  const auto power = [](int32_t e) { return std::bit_cast<float>((e + 127) << 23); };
  return {q, power(half), power(n - half)};
}

/// e^x within 2 units in the last place.
inline float exp(float x) {
  const ExpParts e = exp_parts(x);
  return (1.0f + e.q) * e.scale1 * e.scale2;
}
inline double exp(double x) { return std::exp(x); }

/// e^x - 1 without cancellation near 0.  REQUIRES: x <= 87.
inline float expm1(float x) {
  const ExpParts e = exp_parts(x);
  const float scale = e.scale1 * e.scale2;
  return e.q * scale + (scale - 1.0f);
}

inline float tanh(float x) {
  const float magnitude = x < 0 ? -x : x;
  // From 10 on, tanh is 1 in f32.
  const float e = expm1(2.0f * (magnitude > 10.0f ? 10.0f : magnitude));
  const float y = e / (e + 2.0f);
  return std::copysign(x != x ? x : y, x);
}
inline double tanh(double x) { return std::tanh(x); }

template <class T>
T sigmoid(T x) {
  return T(1) / (T(1) + exp(-x));
}

/// The normal distribution at x: Phi(x) and phi(x).
template <class T>
struct Normal {
  T cumulative, density;
};

/// Abramowitz and Stegun, Handbook of mathematical functions, 7.1.26: |error of Phi| < 7.5e-8,
/// a rounding error of f32.
inline Normal<float> normal(float x) {
  const float e = exp(-0.5f * x * x);
  const float z = 0.70710678f * (x < 0 ? -x : x);
  const float t = 1.0f / (1.0f + 0.3275911f * z);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float tail = 0.5f * p * t * e;
  return {x < 0 ? tail : 1.0f - tail, 0.39894228f * e};
}
inline Normal<double> normal(double x) {
  return {0.5 * std::erfc(-x / std::sqrt(2.0)), 0.3989422804014327 * std::exp(-0.5 * x * x)};
}

/// Partial sums kept apart: two of the widest vectors of floats.
inline constexpr int64_t kLanes = 32;

/// sum of f(i) over i in [0, n), in an order that depends on n only.
template <class T, class F>
T lane_sum(int64_t n, F f) {
  std::array<T, kLanes> lanes{};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t j = 0; j < kLanes; ++j) lanes[static_cast<size_t>(j)] += f(i + j);
  T sum = 0;
  for (; i < n; ++i) sum += f(i);
  for (T lane : lanes) sum += lane;
  return sum;
}

/// max of x over [0, n); -infinity for n = 0, NaN where x holds one.
template <class T>
T lane_max(int64_t n, const T* x) {
  const auto larger = [](T a, T b) { return a > b || a != a ? a : b; };
  std::array<T, kLanes> lanes;
  lanes.fill(-std::numeric_limits<T>::infinity());
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t j = 0; j < kLanes; ++j)
      lanes[static_cast<size_t>(j)] = larger(lanes[static_cast<size_t>(j)], x[i + j]);
  T max = -std::numeric_limits<T>::infinity();
  for (; i < n; ++i) max = larger(max, x[i]);
  for (T lane : lanes) max = larger(max, lane);
  return max;
}

}  // namespace tessera::vector_math

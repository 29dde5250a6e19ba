// What the tests of optimizers share.
#pragma once

#include <algorithm>
#include <cmath>

#include "framework/core/random.h"
#include "framework/core/tensor.h"

namespace tessera::testing {

/// Uniform in [-1, 1).
inline Tensor drawn(const Shape& shape, const RandomKey& key, DType dtype) {
  Tensor out = Tensor::empty(shape);
  RandomSequence random(key);
  for (int64_t i = 0; i < out.numel(); ++i) out.data<float>()[i] = random.uniform(-1, 1);
  return out.to(dtype);
}

inline double largest_difference(const Tensor& a, const Tensor& b) {
  const auto x = a.to(Device{}).to(DType::f64).to_vector<double>();
  const auto y = b.to(Device{}).to(DType::f64).to_vector<double>();
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
  return largest;
}

}  // namespace tessera::testing

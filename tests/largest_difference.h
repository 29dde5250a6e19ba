// How far two tensors are apart, for tests and benchmarks.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/core/errors.h"
#include "framework/core/tensor.h"
#include "framework/core/tensor_map.h"

namespace tessera::testing {

/// The largest absolute difference of two elements; infinite where one is NaN or the shapes differ.
/// Tensors of any floating types, on any device.
inline double largest_difference(const Tensor& a, const Tensor& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.shape() != b.shape()) return kInfinity;
  const auto x = a.to(Device{}).to(DType::f64).to_vector<double>();
  const auto y = b.to(Device{}).to(DType::f64).to_vector<double>();
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double difference = std::abs(x[i] - y[i]);
    if (std::isnan(difference)) return kInfinity;
    largest = std::max(largest, difference);
  }
  return largest;
}

/// Of the tensors of `a` and those of `b` with the same names.
inline double largest_difference(const TensorMap& a, const TensorMap& b) {
  double largest = 0;
  for (const auto& [name, tensor] : a)
    largest = std::max(largest, largest_difference(tensor, b.at(name)));
  return largest;
}

}  // namespace tessera::testing

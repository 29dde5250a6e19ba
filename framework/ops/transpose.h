// y: axis i of y is axis axes[i] of x.  Any type; row-major, elements are moved.
// dx: dy under the inverse permutation.
#pragma once

#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct TransposeOptions {
  std::vector<int> axes;  ///< a permutation of [0, rank)
};

/// Throws: std::invalid_argument unless `axes` is a permutation of x's axes.
Tensor transpose(const Tensor& x, const std::vector<int>& axes);

void transpose_forward(Cpu&, const Tensor& x, const std::vector<int>& axes, Tensor& y);

void transpose_forward(Cuda&, const Tensor& x, const std::vector<int>& axes, Tensor& y);

}  // namespace tessera

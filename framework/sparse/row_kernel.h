// The product of a packed weight with few rows of activations, row-major, as decoding has them:
//   y[m][outputs[o]] = bias[o] + sum over k of w[k][o] * x[m][k_idx[k]]
// The outputs of a strip are the lanes and an activation is the factor, so that one row costs one
// vector for eight weights and all rows share the weights that were read. The kernels of
// tile_kernel.h, whose lanes are rows, would compute 16 rows for one.
#pragma once

#include <cstdint>

#include "framework/sparse/strip_matrix.h"

namespace tessera {

struct RowCall {
  const StripMatrix& weights;  // offsets: k * kChunkWidth
  int64_t rows;
  const float* x;
  int64_t x_stride;  // floats between two rows
  float* y;
  int64_t y_stride;
};

/// Computes the outputs of the strips [begin, end) for all rows.
using RowKernel = void (*)(const RowCall& call, int64_t begin, int64_t end);

/// REQUIRES: the processor runs `isa`, for which the weights were made.
RowKernel row_kernel(CpuIsa isa);

}  // namespace tessera

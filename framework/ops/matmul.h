// Matrix product  y = op(a) op(b),  op(m) = m or its transpose.
// a: [M, K] ([K, M] transposed), b: [K, N] ([N, K] transposed), y: [M, N]; row-major, f32 or f64.
// Throws: std::invalid_argument for other ranks, layouts, types, or inner extents that differ.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
};

Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options = {});

void matmul_forward(Cpu&, const Tensor& a, const Tensor& b, MatmulOptions options, Tensor& y);

void matmul_forward(Cuda&, const Tensor& a, const Tensor& b, MatmulOptions options, Tensor& y);

}  // namespace tessera

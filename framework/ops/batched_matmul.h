// Matrix products side by side  y[..., :, :] = op(a[..., :, :]) op(b[..., :, :]),  op(m) = m or its
// transpose.
// a: [..., M, K] ([..., K, M] transposed), b: [..., K, N] ([..., N, K] transposed), y: [..., M, N];
// the leading extents must be equal: nothing is broadcast. Row-major, f32 or f64, or on a CUDA
// device bf16 or f16.
// Throws: std::invalid_argument for ranks below 2, other layouts or types, or extents that differ.
#pragma once

#include "framework/ops/matmul.h"

namespace tessera {

Tensor batched_matmul(const Tensor& a, const Tensor& b, MatmulOptions options = {});

/// Of tensors [batch, rows, columns].
void batched_matmul_forward(Cpu&, const Tensor& a, const Tensor& b, MatmulOptions options,
                            Tensor& y);

void batched_matmul_forward(Cuda&, const Tensor& a, const Tensor& b, MatmulOptions options,
                            Tensor& y);

}  // namespace tessera

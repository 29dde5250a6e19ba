// Affine map of the last axis  y = x W^T + b.
// x: [..., in] of rank >= 1, weight: [out, in], bias: [out] or undefined, y: [..., out]; row-major,
// f32 or f64, or on a CUDA device bf16 or f16, there also with weight and bias in f32
// (mixed_precision.h).  dx = dy W,  dW = dy^T x,  db = sum of dy over all but the last axis.
// Throws: std::invalid_argument where extents, types or layouts do not fit.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

/// y = x weight^T + bias for matrices x [M, in], y [M, out]. All of one type; bias may be
/// undefined.
void linear_forward(Cpu&, const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& y);
/// dbias = sum over the rows of dy [M, N]; of the type of dy, or f32 where that is a half.
void bias_backward(Cpu&, const Tensor& dy, Tensor& dbias);
/// y[m, :] += bias for every row of y [M, N]: also for convolutions on the CPU.
void add_bias(Cpu&, const Tensor& bias, Tensor& y);

void linear_forward(Cuda&, const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& y);
void bias_backward(Cuda&, const Tensor& dy, Tensor& dbias);

}  // namespace tessera

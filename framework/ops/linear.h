// Affine map of the last axis  y = x W^T + b.
// x: [..., in] of rank >= 1, weight: [out, in], bias: [out] or undefined, y: [..., out]; row-major,
// f32 or f64.  dx = dy W,  dW = dy^T x,  db = sum of dy over all but the last axis.
// Throws: std::invalid_argument where extents, types or layouts do not fit.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

/// y[m, :] += bias for every row of y [M, N].
void add_bias(Cpu&, const Tensor& bias, Tensor& y);
/// dbias = sum over the rows of dy [M, N].
void bias_backward(Cpu&, const Tensor& dy, Tensor& dbias);

void add_bias(Cuda&, const Tensor& bias, Tensor& y);
void bias_backward(Cuda&, const Tensor& dy, Tensor& dbias);

}  // namespace tessera

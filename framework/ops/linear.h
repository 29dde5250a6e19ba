// Affine map of the last axis  y = x W^T + b  [then max(., 0)].
// x: [..., in] of rank >= 1, weight: [out, in], bias: [out] or undefined, y: [..., out]; row-major,
// f32 or f64, or on a CUDA device bf16 or f16, there also with weight and bias in f32
// (mixed_precision.h).  dx = d W,  dW = d^T x,  db = sum of d over all but the last axis, with d =
// dy, or under relu d = dy where y is positive, else 0. relu, an option, is here since cuBLASLt
// applies it to the product's sums, without a pass over memory. Its GELU is not: that is the tanh
// approximation only, and backward needs the sums as well. Throws: std::invalid_argument where
// extents, types or layouts do not fit.
#pragma once

#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct LinearOptions {
  bool relu = false;
  /// Whether y may have more columns, see padded_columns(); what they hold is not defined, and
  /// their gradient is not read. Such logits are not copied to rows that the library is fast with.
  bool pads = false;
};

/// The columns of y for `out` of them under pads: on a CUDA device so many that rows of halves
/// begin at multiples of 16 bytes, without bias.
int64_t padded_columns(const Tensor& x, int64_t out, const Tensor& bias);

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const LinearOptions& options = {});

/// Several affine maps of one x as one product: y [..., sum of their out], one after the other.
/// biases: as many as weights, all of them undefined or none.
Tensor joined_linear(const Tensor& x, const std::vector<Tensor>& weights,
                     const std::vector<Tensor>& biases, const LinearOptions& options = {});

/// y = x weight^T + bias, then max(., 0) under relu, for matrices x [M, in], y [M, out]. All of one
/// type; bias may be undefined.
void linear_forward(Cpu&, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const LinearOptions& options, Tensor& y);
/// Undefined: not asked for.
struct LinearGradients {
  Tensor dx, dweight, dbias;
};
/// dx = dy weight, dweight = dy^T x, dbias = the sum over the rows of dy, for matrices dy [M, out],
/// x [M, in]. dweight and dbias are of the type of dy, or f32 where that is a half. x may be
/// undefined without dweight, weight without dx.
void linear_backward(Cpu&, const Tensor& dy, const Tensor& x, const Tensor& weight,
                     LinearGradients& out);
/// y[m, :] += bias for every row of y [M, N], and dbias = the sum over the rows of dy [M, N]: also
/// for convolutions on the CPU.
void add_bias(Cpu&, const Tensor& bias, Tensor& y);
void bias_backward(Cpu&, const Tensor& dy, Tensor& dbias);

void linear_forward(Cuda&, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const LinearOptions& options, Tensor& y);
void linear_backward(Cuda&, const Tensor& dy, const Tensor& x, const Tensor& weight,
                     LinearGradients& out);

}  // namespace tessera

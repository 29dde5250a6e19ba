// Two-dimensional convolution (cross-correlation, as in every framework of the field), with max(.,
// 0) under relu:
//   y[n, o, p, q] = bias[o] + sum over c, r, s of
//                   weight[o, c, r, s] * x[n, c + first(o), p*stride - padding + r*dilation, ...]
// where first(o) = (o / (out/groups)) * (in/groups), and x is 0 outside its bounds.
// x: [N, in, H, W] nhwc; weight: [out, in/groups, R, S] row-major; bias: [out] or undefined;
// y: [N, out, P, Q] nhwc with P = (H + 2*padding - dilation*(R-1) - 1) / stride + 1. f32 or f64.
// CPU: f32 runs in oneDNN where the build has it, as its convolution or as im2col and its sgemm;
// otherwise, and in f64, as im2col and Eigen's product.
// CUDA: also bf16 and f16, there with weight and bias of the same type or f32
// (mixed_precision.h). A weight is brought into the order and type that the kernels read once a
// call. cuDNN computes, with sums in f32, f32 in TF32 only where run.tf32 allows it, and kernels
// whose results can be repeated bit by bit; f64, and what cuDNN has no kernel for, run in a direct
// kernel, which is slow and says so once.
// Throws: std::invalid_argument where extents, types, layouts or options do not fit.
#pragma once

#include <array>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

/// Pairs are (height, width).
struct Conv2dOptions {
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 2> padding{0, 0};
  std::array<int64_t, 2> dilation{1, 1};
  int64_t groups = 1;
  bool relu = false;  ///< y = max(., 0): read by conv2d() alone

  friend bool operator==(const Conv2dOptions&, const Conv2dOptions&) = default;
};

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dOptions& options = {});

/// The shape of conv2d's output. Throws as conv2d does.
Shape conv2d_shape(const Shape& x, const Shape& weight, const Conv2dOptions& options);

/// The weight as the backend's kernels read it, for inputs of type `x`. CPU: the weight itself.
/// CUDA: of type `x` and in the order [out][R][S][in/groups], which is Layout::nhwc.
Tensor conv2d_filters(Cpu&, const Tensor& weight, DType x);

void conv2d_forward(Cpu&, const Tensor& x, const Tensor& filters, const Tensor& bias,
                    const Conv2dOptions& options, Tensor& y);
void conv2d_backward_input(Cpu&, const Tensor& dy, const Tensor& filters,
                           const Conv2dOptions& options, Tensor& dx);
/// dweight is in the weight's own order and type. dbias may be undefined: then it is not computed.
void conv2d_backward_weight(Cpu&, const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Tensor& dweight, Tensor& dbias);

Tensor conv2d_filters(Cuda&, const Tensor& weight, DType x);
void conv2d_forward(Cuda&, const Tensor& x, const Tensor& filters, const Tensor& bias,
                    const Conv2dOptions& options, Tensor& y);
void conv2d_backward_input(Cuda&, const Tensor& dy, const Tensor& filters,
                           const Conv2dOptions& options, Tensor& dx);
void conv2d_backward_weight(Cuda&, const Tensor& x, const Tensor& dy, const Conv2dOptions& options,
                            Tensor& dweight, Tensor& dbias);

}  // namespace tessera

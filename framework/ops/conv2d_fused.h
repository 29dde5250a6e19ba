// A convolution and what follows it, as inference plans and conv2d() with relu run them:
//   y = conv2d(x, filters) + bias + residual, then max(., 0) under relu.
// CUDA: one kernel of cuDNN where the library has one, which is for halves; else the convolution
// and one pass over y. CPU: the convolution, then the rest. Nothing is recorded. Shapes and types
// as in conv2d.h; filters come from conv2d_filters().
#pragma once

#include "framework/ops/conv2d.h"

namespace tessera {

struct Conv2dEpilogue {
  Tensor bias;      ///< [out] or undefined
  Tensor residual;  ///< as y, or undefined
  bool relu = false;
};

void conv2d_fused_forward(Cpu&, const Tensor& x, const Tensor& filters,
                          const Conv2dEpilogue& epilogue, const Conv2dOptions& options, Tensor& y);
void conv2d_fused_forward(Cuda&, const Tensor& x, const Tensor& filters,
                          const Conv2dEpilogue& epilogue, const Conv2dOptions& options, Tensor& y);

}  // namespace tessera

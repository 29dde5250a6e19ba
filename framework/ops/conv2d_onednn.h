// Convolution in oneDNN: the f32 kernels behind conv2d_forward and its gradients.
// Activations come and go in nhwc and weights in row-major order; where the fastest kernel wants
// another format, they are converted around it. REQUIRES: f32, no empty tensor.
#pragma once

#include "framework/ops/conv2d.h"

namespace tessera {

void onednn_conv2d_forward(const Cpu&, const Tensor& x, const Tensor& weight, const Tensor& bias,
                           const Conv2dOptions& options, Tensor& y);
void onednn_conv2d_backward_input(const Cpu&, const Tensor& dy, const Tensor& weight,
                                  const Conv2dOptions& options, Tensor& dx);
void onednn_conv2d_backward_weight(const Cpu&, const Tensor& x, const Tensor& dy,
                                   const Conv2dOptions& options, Tensor& dweight, Tensor& dbias);

}  // namespace tessera

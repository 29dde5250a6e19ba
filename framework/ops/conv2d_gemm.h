// Convolution as one matrix product over blocks of images: im2col, then oneDNN's sgemm.
// REQUIRES: f32, no empty tensor, groups = 1, a build with oneDNN.
#pragma once

#include "framework/ops/conv2d.h"

namespace tessera {

/// Where this is the faster way, by measurements on the layers of ResNet-18 and VGG-16 (two Zen 3
/// cores, batch 128): without AVX-512 the library has no Winograd kernels, and its direct ones
/// reach half of the peak forwards and a third of it for gradients of weights, down to a seventh on
/// planes of 2 x 2; this reaches two thirds. Gradients of inputs come out even, and stay there.
bool suits_gemm(const Cpu&, const Tensor& x, const Tensor& weight, const Conv2dOptions& options);

void gemm_conv2d_forward(Cpu&, const Tensor& x, const Tensor& weight, const Tensor& bias,
                         const Conv2dOptions& options, Tensor& y);
void gemm_conv2d_backward_weight(Cpu&, const Tensor& x, const Tensor& dy,
                                 const Conv2dOptions& options, Tensor& dweight, Tensor& dbias);

}  // namespace tessera

// Convolution in cuDNN, through its graph API. Activations nhwc, filters KRSC (conv2d_geometry.h).
// Included by .cu files only.
//
// A plan is made for each shape: the first of the engines that cuDNN's heuristics rank which gives
// the same bits at every run and needs a workspace within the limit. Sums run in f32; f32 takes an
// engine that rounds its inputs to TF32 only where Cuda::tf32() allows it.
#pragma once

#include "framework/backend/cuda.h"
#include "framework/ops/conv2d.h"

namespace tessera {

enum class Conv2dPass : uint8_t { forward, backward_input, backward_weight };

/// Computes y, x or the filters from the other two. f32, bf16 or f16, all of one type.
/// Returns false, and says so once for each shape, where cuDNN has no such engine.
/// REQUIRES: no empty tensor.
/// Throws: std::runtime_error with the shapes where a call fails.
bool cudnn_conv2d(Cuda& cuda, Conv2dPass pass, const Tensor& x, const Tensor& filters,
                  const Tensor& y, const Conv2dOptions& options);

}  // namespace tessera

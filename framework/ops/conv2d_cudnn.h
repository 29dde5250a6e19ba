// Convolution in cuDNN, through its graph API. Activations nhwc, filters KRSC (conv2d_geometry.h).
// Included by .cu files only.
//
// A plan is made for each shape: the first engine that cuDNN's heuristics rank and that fits
// (cudnn_plan.h), or under run.autotune the fastest of some, measured once in a process on the
// tensors of the first call outside a captured graph. Sums run in f32.
#pragma once

#include "framework/backend/cuda.h"
#include "framework/ops/conv2d_fused.h"

namespace tessera {

enum class Conv2dPass : uint8_t { forward, backward_input, backward_weight };

/// Computes y, x or the filters from the other two. f32, bf16 or f16, all of one type.
/// Returns false where cuDNN has no such engine; says so once for each shape where there is no
/// epilogue.
/// REQUIRES: no empty tensor; an epilogue, all of the type of x, only forward.
/// Throws: std::runtime_error with the shapes where a call fails.
bool cudnn_conv2d(Cuda& cuda, Conv2dPass pass, const Tensor& x, const Tensor& filters,
                  const Tensor& y, const Conv2dOptions& options,
                  const Conv2dEpilogue& epilogue = {});

}  // namespace tessera

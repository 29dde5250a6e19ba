// The backward pass of a product that ends in a bias and max(., 0): d = dy where y is positive,
// else 0, and the bias's gradient as the sum of d over all but the channels. One pass over memory
// on CUDA.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

/// y, dy, d: of one shape and type, the channels contiguous: [..., C] row-major or [N, C, H, W]
/// nhwc. dbias: [C] or undefined, of the type of y, or f32 where that is a half.
void bias_relu_backward(Cpu&, const Tensor& y, const Tensor& dy, Tensor& d, Tensor& dbias);
void bias_relu_backward(Cuda&, const Tensor& y, const Tensor& dy, Tensor& d, Tensor& dbias);

}  // namespace tessera

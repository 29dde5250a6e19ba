// y[N, C*H*W] from x[N, C, H, W]: axes from `start_axis` on joined to one, as in PyTorch.
// The features come in the order C, H, W: images under nhwc go through to_layout() first, which
// costs a pass over memory unless H = W = 1 or C = 1. Otherwise y shares the memory of x.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

/// Throws: std::invalid_argument where start_axis is no axis of x.
Tensor flatten(const Tensor& x, int start_axis = 1);

}  // namespace tessera

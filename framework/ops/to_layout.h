// y: x under another layout, row_major or nhwc.  x: [N, C, H, W], any type.
// The elements are moved, but for H = W = 1 or C = 1, where both layouts order them alike: then y
// shares the memory of x. The same handle comes back where nothing changes.
// dx: dy under the layout of x.  Traced as "to_layout" with the Layout as its attribute.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

Tensor to_layout(const Tensor& x, Layout layout);

}  // namespace tessera

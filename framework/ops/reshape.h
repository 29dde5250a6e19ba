// y: the elements of x, in their order, under another shape.  Any type; row-major.  No copy: y
// shares the memory of x.  dx: dy under the shape of x.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

/// REQUIRES: equal numel.
Tensor reshape(const Tensor& x, const Shape& shape);

}  // namespace tessera

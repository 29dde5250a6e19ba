// y: x in another floating type, rounded to nearest even.  Any shape, any layout; f32, f64, bf16 or
// f16. The same handle comes back where nothing changes.
// dx: dy in the type of x.  Traced as "cast" with the DType as its attribute.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

Tensor cast(const Tensor& x, DType dtype);

}  // namespace tessera

// y = a + b, with NumPy's broadcasting.  f32 or f64.  da, db: dy summed over the broadcast axes.
// Equal shapes may have any (equal) layout; to broadcast, both must be row-major.
#pragma once

#include "framework/backend/cpu.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor add(const Tensor& a, const Tensor& b);

/// y = a + b for equal shapes. y may be a.
void add_forward(Cpu&, const Tensor& a, const Tensor& b, Tensor& y);

}  // namespace tessera

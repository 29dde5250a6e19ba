// y = a + b, with NumPy's broadcasting.  f32 or f64.  da, db: dy summed over the stretched axes.
// Both inputs have one layout; a tensor of one element fits every layout.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor add(const Tensor& a, const Tensor& b);

/// y = a + b; a and b are broadcast to the shape of y. y may be a where the shapes are equal.
void add_forward(Cpu&, const Tensor& a, const Tensor& b, Tensor& y);

void add_forward(Cuda&, const Tensor& a, const Tensor& b, Tensor& y);

}  // namespace tessera

// y = a * b, with NumPy's broadcasting.  f32 or f64.  da = dy * b, db = dy * a, each summed over
// the axes that were stretched. Both inputs have one layout; a tensor of one element fits every
// layout.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor mul(const Tensor& a, const Tensor& b);

/// y = a * b; a and b are broadcast to the shape of y. y may be a where the shapes are equal.
void mul_forward(Cpu&, const Tensor& a, const Tensor& b, Tensor& y);

void mul_forward(Cuda&, const Tensor& a, const Tensor& b, Tensor& y);

}  // namespace tessera

// y = max(x, 0).  x, y: any shape, any layout; f32 or f64.  dx = dy where y > 0, else 0.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor relu(const Tensor& x);

void relu_forward(Cpu&, const Tensor& x, Tensor& y);
void relu_backward(Cpu&, const Tensor& y, const Tensor& dy, Tensor& dx);

void relu_forward(Cuda&, const Tensor& x, Tensor& y);
void relu_backward(Cuda&, const Tensor& y, const Tensor& dy, Tensor& dx);

}  // namespace tessera

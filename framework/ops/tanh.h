// y = tanh(x).  Any shape, any layout; f32 or f64.  dx = dy * (1 - y^2).
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor tanh(const Tensor& x);

void tanh_forward(Cpu&, const Tensor& x, Tensor& y);
void tanh_backward(Cpu&, const Tensor& y, const Tensor& dy, Tensor& dx);

void tanh_forward(Cuda&, const Tensor& x, Tensor& y);
void tanh_backward(Cuda&, const Tensor& y, const Tensor& dy, Tensor& dx);

}  // namespace tessera

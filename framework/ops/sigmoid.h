// y = 1 / (1 + exp(-x)).  Any shape, any layout; f32 or f64.  dx = dy * y * (1 - y).
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor sigmoid(const Tensor& x);

void sigmoid_forward(Cpu&, const Tensor& x, Tensor& y);
void sigmoid_backward(Cpu&, const Tensor& y, const Tensor& dy, Tensor& dx);

void sigmoid_forward(Cuda&, const Tensor& x, Tensor& y);
void sigmoid_backward(Cuda&, const Tensor& y, const Tensor& dy, Tensor& dx);

}  // namespace tessera

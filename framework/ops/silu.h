// y = x * sigmoid(x), also called swish: Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units".
// Any shape, any layout; f32 or f64.  With s = sigmoid(x):  dx = dy * s * (1 + x * (1 - s)).
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor silu(const Tensor& x);

void silu_forward(Cpu&, const Tensor& x, Tensor& y);
void silu_backward(Cpu&, const Tensor& x, const Tensor& dy, Tensor& dx);

void silu_forward(Cuda&, const Tensor& x, Tensor& y);
void silu_backward(Cuda&, const Tensor& x, const Tensor& dy, Tensor& dx);

}  // namespace tessera

// y = x * Phi(x), Phi(x) = (1 + erf(x / sqrt(2))) / 2: the exact form of Hendrycks and Gimpel,
// "Gaussian error linear units".  Any shape, any layout; f32 or f64.
// dx = dy * (Phi(x) + x * phi(x)), phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor gelu(const Tensor& x);

void gelu_forward(Cpu&, const Tensor& x, Tensor& y);
void gelu_backward(Cpu&, const Tensor& x, const Tensor& dy, Tensor& dx);

void gelu_forward(Cuda&, const Tensor& x, Tensor& y);
void gelu_backward(Cuda&, const Tensor& x, const Tensor& dy, Tensor& dx);

}  // namespace tessera

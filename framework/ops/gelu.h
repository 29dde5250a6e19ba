// y = x * Phi(x), Phi(x) = (1 + erf(x / sqrt(2))) / 2: Hendrycks and Gimpel, "Gaussian error linear
// units".  Any shape, any layout; f32 or f64.
//   exact  as above:  dx = dy * (Phi(x) + x * phi(x)),  phi(x) = exp(-x^2 / 2) / sqrt(2 pi)
//   tanh   their approximation, the form of GPT-2 and BERT's first code:
//          y = x * (1 + tanh(u)) / 2 = x * s,  u = sqrt(2 / pi) * (x + 0.044715 x^3),
//          s = sigmoid(2u):  dx = dy * (s + x * s * (1 - s) * 2u')
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

enum class GeluForm : uint8_t { exact, tanh };

/// The form is what a trace holds as the op's attributes.
Tensor gelu(const Tensor& x, GeluForm form = GeluForm::exact);

void gelu_forward(Cpu&, const Tensor& x, GeluForm form, Tensor& y);
void gelu_backward(Cpu&, const Tensor& x, const Tensor& dy, GeluForm form, Tensor& dx);

void gelu_forward(Cuda&, const Tensor& x, GeluForm form, Tensor& y);
void gelu_backward(Cuda&, const Tensor& x, const Tensor& dy, GeluForm form, Tensor& dx);

}  // namespace tessera

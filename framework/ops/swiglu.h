// y = silu(gate) * x: the gated unit of Shazeer, "GLU variants improve Transformer", without its
// products.  gate, x: of one shape, layout and type; any shape, any layout; f32 or f64.
// With s = sigmoid(gate):  dgate = dy * x * s * (1 + gate * (1 - s)),  dx = dy * gate * s.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

/// Throws: std::invalid_argument where gate and x differ in shape, layout, type or device.
Tensor swiglu(const Tensor& gate, const Tensor& x);

void swiglu_forward(Cpu&, const Tensor& gate, const Tensor& x, Tensor& y);
void swiglu_backward_gate(Cpu&, const Tensor& gate, const Tensor& x, const Tensor& dy,
                          Tensor& dgate);

void swiglu_forward(Cuda&, const Tensor& gate, const Tensor& x, Tensor& y);
void swiglu_backward_gate(Cuda&, const Tensor& gate, const Tensor& x, const Tensor& dy,
                          Tensor& dgate);

}  // namespace tessera

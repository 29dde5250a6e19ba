#include "framework/ops/swiglu.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {

Tensor swiglu(const Tensor& gate, const Tensor& x) {
  require(gate.shape() == x.shape() && gate.dtype() == x.dtype() && gate.layout() == x.layout(),
          "[swiglu] gate and x must agree in shape, type and layout; got ", gate, " and ", x, ".");
  require_one_device("swiglu", gate, x);
  Tensor y = Tensor::empty_like(x);
  on_backend("swiglu", x.device(), [&](auto& backend) { swiglu_forward(backend, gate, x, y); });
  // The gate is saved for both gradients, x for the gate's alone.
  return record("swiglu", {gate, x}, y,
                [gate = gate.detach(), x = needs_gradient({gate}) ? x.detach() : Tensor{},
                 needs_dx = needs_gradient({x})](const Tensor& dy) -> Gradients {
                  Tensor dgate, dx;
                  on_backend("swiglu", dy.device(), [&](auto& backend) {
                    if (x.defined()) {
                      dgate = Tensor::empty_like(dy);
                      swiglu_backward_gate(backend, gate, x, dy, dgate);
                    }
                    if (needs_dx) {
                      dx = Tensor::empty_like(dy);
                      swiglu_forward(backend, gate, dy, dx);
                    }
                  });
                  return {dgate, dx};
                });
}

}  // namespace tessera

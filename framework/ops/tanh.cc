#include "framework/ops/tanh.h"

#include "framework/autograd/autograd.h"

namespace tessera {

Tensor tanh(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  on_backend("tanh", x.device(), [&](auto& backend) { tanh_forward(backend, x, y); });
  return record("tanh", {x}, y, [y = y.detach()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty_like(dy);
    on_backend("tanh", dy.device(), [&](auto& backend) { tanh_backward(backend, y, dy, dx); });
    return {dx};
  });
}

}  // namespace tessera

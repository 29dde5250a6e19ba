#include "framework/ops/relu.h"

#include "framework/autograd/autograd.h"

namespace tessera {

Tensor relu(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  on_backend("relu", x.device(), [&](auto& backend) { relu_forward(backend, x, y); });
  return record("relu", {x}, y, [y = y.detach()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty_like(dy);
    on_backend("relu", dy.device(), [&](auto& backend) { relu_backward(backend, y, dy, dx); });
    return {dx};
  });
}

}  // namespace tessera

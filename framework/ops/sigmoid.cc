#include "framework/ops/sigmoid.h"

#include "framework/autograd/autograd.h"

namespace tessera {

Tensor sigmoid(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  on_backend("sigmoid", x.device(), [&](auto& backend) { sigmoid_forward(backend, x, y); });
  return record("sigmoid", {x}, y, [y = y.detach()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty_like(dy);
    on_backend("sigmoid", dy.device(),
               [&](auto& backend) { sigmoid_backward(backend, y, dy, dx); });
    return {dx};
  });
}

}  // namespace tessera

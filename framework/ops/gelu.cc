#include "framework/ops/gelu.h"

#include "framework/autograd/autograd.h"

namespace tessera {

Tensor gelu(const Tensor& x, GeluForm form) {
  Tensor y = Tensor::empty_like(x);
  on_backend("gelu", x.device(), [&](auto& backend) { gelu_forward(backend, x, form, y); });
  return record(
      "gelu", {x}, y,
      [x = x.detach(), form](const Tensor& dy) -> Gradients {
        Tensor dx = Tensor::empty_like(dy);
        on_backend("gelu", dy.device(),
                   [&](auto& backend) { gelu_backward(backend, x, dy, form, dx); });
        return {dx};
      },
      form);
}

}  // namespace tessera

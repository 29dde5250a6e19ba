#include "framework/ops/silu.h"

#include "framework/autograd/autograd.h"

namespace tessera {

Tensor silu(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  on_backend("silu", x.device(), [&](auto& backend) { silu_forward(backend, x, y); });
  return record("silu", {x}, y, [x = x.detach()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty_like(dy);
    on_backend("silu", dy.device(), [&](auto& backend) { silu_backward(backend, x, dy, dx); });
    return {dx};
  });
}

}  // namespace tessera

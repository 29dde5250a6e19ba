#include "framework/ops/softmax.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {

Tensor softmax(const Tensor& x, int axis) {
  require_layout("softmax", x, Layout::row_major);
  const int along = x.shape().axis(axis);
  Tensor y = Tensor::empty_like(x);
  on_backend("softmax", x.device(), [&](auto& backend) { softmax_forward(backend, x, along, y); });
  return record(
      "softmax", {x}, y,
      [y = y.detach(), along](const Tensor& dy) -> Gradients {
        Tensor dx = Tensor::empty_like(dy);
        on_backend("softmax", dy.device(),
                   [&](auto& backend) { softmax_backward(backend, y, dy, along, dx); });
        return {dx};
      },
      SoftmaxOptions{along});
}

}  // namespace tessera

#include "framework/ops/log_softmax.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {

Tensor log_softmax(const Tensor& x, int axis) {
  require_layout("log_softmax", x, Layout::row_major);
  const int along = x.shape().axis(axis);
  Tensor y = Tensor::empty_like(x);
  on_backend("log_softmax", x.device(),
             [&](auto& backend) { log_softmax_forward(backend, x, along, y); });
  return record(
      "log_softmax", {x}, y,
      [y = y.detach(), along](const Tensor& dy) -> Gradients {
        Tensor dx = Tensor::empty_like(dy);
        on_backend("log_softmax", dy.device(),
                   [&](auto& backend) { log_softmax_backward(backend, y, dy, along, dx); });
        return {dx};
      },
      SoftmaxOptions{along});
}

}  // namespace tessera

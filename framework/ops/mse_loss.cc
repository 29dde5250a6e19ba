#include "framework/ops/mse_loss.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

Tensor gradient(const Tensor& x, const Tensor& target, const Tensor& dy) {
  Tensor dx = Tensor::empty_like(x);
  on_backend("mse_loss", dy.device(),
             [&](auto& backend) { mse_loss_backward(backend, x, target, dy, dx); });
  return dx;
}

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target) {
  require(
      x.shape() == target.shape() && x.dtype() == target.dtype() && x.layout() == target.layout(),
      "[mse_loss] input and target must agree in shape, type and layout; got ", x, " and ", target,
      ".");
  require_one_device("mse_loss", x, target);
  Tensor y = Tensor::empty({}, {accumulator_of(x.dtype()), Layout::row_major, x.device()});
  on_backend("mse_loss", x.device(),
             [&](auto& backend) { mse_loss_forward(backend, x, target, y); });
  const bool to_x = x.requires_grad(), to_target = target.requires_grad();
  return record(
      "mse_loss", {x, target}, y,
      [x = x.detach(), target = target.detach(), to_x, to_target](const Tensor& dy) -> Gradients {
        return {to_x ? gradient(x, target, dy) : Tensor{},
                to_target ? gradient(target, x, dy) : Tensor{}};
      });
}

}  // namespace tessera

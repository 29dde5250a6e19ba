#include "optim/loss_scale.h"

namespace tessera {

LossScale::LossScale(Device device)
    : factor_(Tensor::full({}, LossScaleValues{}.scale, {.device = device})),
      good_steps_(Tensor::zeros({}, {.dtype = DType::i32, .device = device})),
      overflowed_(Tensor::zeros({}, {.dtype = DType::i32, .device = device})) {}

void LossScale::unscale(const std::vector<Parameter>& parameters) {
  std::vector<Tensor> gradients;
  for (const Parameter& parameter : parameters)
    if (const Tensor& gradient = parameter.tensor.grad(); gradient.defined())
      gradients.push_back(gradient);
  on_backend("loss_scale", factor_.device(),
             [&](auto& backend) { unscale_tensors(backend, factor_, gradients, overflowed_); });
}

void LossScale::update() {
  on_backend("loss_scale", factor_.device(),
             [&](auto& backend) { update_loss_scale(backend, overflowed_, factor_, good_steps_); });
}

TensorMap LossScale::state() const {
  return {{"loss_scale.factor", factor_}, {"loss_scale.good_steps", good_steps_}};
}

void LossScale::load_state(const TensorMap& state) {
  copy_tensors("loss_scale", state, this->state());
}

}  // namespace tessera

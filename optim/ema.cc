#include "optim/ema.h"

#include "framework/core/errors.h"

namespace tessera {
namespace {

constexpr const char* kUpdates = "ema.updates";

Device device_of(const Module& model) {
  const auto parameters = model.parameters();
  return parameters.empty() ? Device{} : parameters[0].tensor.device();
}

}  // namespace

Ema::Ema(const Module& model, double decay)
    : decay_(decay),
      updates_(Tensor::zeros({}, {.dtype = DType::i64, .device = device_of(model)})) {
  require(decay > 0 && decay < 1, "[ema] decay must lie in (0, 1); got ", decay, ".");
  for (const auto& [name, tensor] : model.state_dict()) averages_[name] = tensor.clone();
}

void Ema::update(const Module& model, const Masks& masks) {
  std::vector<AveragedTensor> averaged;
  for (const auto& [name, tensor] : model.state_dict()) {
    Tensor& average = averages_.at(name);
    if (is_floating(tensor.dtype()))
      averaged.push_back({average, tensor, masks.of(name)});
    else
      average.copy_from(tensor);
  }
  on_backend("ema", updates_.device(),
             [&](auto& backend) { ema_update(backend, decay_, averaged, updates_); });
}

void Ema::swap(Module& model) {
  for (const auto& [name, tensor] : model.state_dict()) {
    Tensor& average = averages_.at(name);
    const Tensor weight = tensor.clone();
    Tensor(tensor).copy_from(average);
    average.copy_from(weight);
  }
}

TensorMap Ema::state() const {
  TensorMap state = averages_;
  state[kUpdates] = updates_;
  return state;
}

void Ema::load_state(const TensorMap& state) { copy_tensors("ema", state, this->state()); }

}  // namespace tessera

#include "optim/ema.h"

#include <algorithm>

#include "framework/core/errors.h"
#include "optim/parameter_update_cpu.h"

namespace tessera {
namespace {

constexpr const char* kUpdates = "ema.updates";

void average_into(Tensor& average, const Tensor& weight, const Tensor& mask, double decay) {
  dispatch_float("ema", average.dtype(), [&]<class T>() {
    const T gain = static_cast<T>(1 - decay);
    T* __restrict const a = average.data<T>();
    const T* __restrict const w = weight.data<T>();
    update_elements(cpu(), average, mask, [=](int64_t i, bool kept) {
      const T updated = a[i] + gain * (w[i] - a[i]);
      a[i] = kept ? updated : T(0);
    });
  });
}

}  // namespace

Ema::Ema(const Module& model, double decay)
    : decay_(decay), updates_(Tensor::zeros({}, {.dtype = DType::i64})) {
  require(decay > 0 && decay < 1, "[ema] decay must lie in (0, 1); got ", decay, ".");
  for (const auto& [name, tensor] : model.state_dict()) averages_[name] = tensor.clone();
}

void Ema::update(const Module& model, const Masks& masks) {
  const auto n = static_cast<double>((*updates_.data<int64_t>())++);
  const double decay = std::min(decay_, (1 + n) / (10 + n));
  for (const auto& [name, tensor] : model.state_dict()) {
    Tensor& average = averages_.at(name);
    if (is_floating(tensor.dtype()))
      average_into(average, tensor, masks.of(name), decay);
    else
      average.copy_from(tensor);
  }
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

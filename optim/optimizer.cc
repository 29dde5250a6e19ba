#include "optim/optimizer.h"

#include "framework/core/errors.h"
#include "optim/adam.h"
#include "optim/sgd.h"

namespace tessera {

Optimizer::Optimizer(std::vector<Parameter> parameters, const OptimizerConfig& config,
                     std::vector<std::string> quantities)
    : quantities_(std::move(quantities)) {
  require(config.weight_decay >= 0, "[optimizer] weight_decay must not be negative; got ",
          config.weight_decay, ".");
  const Device device = parameters.empty() ? Device{} : parameters[0].tensor.device();
  for (Parameter& parameter : parameters) {
    const Tensor& weight = parameter.tensor;
    require((weight.dtype() == DType::f32 || weight.dtype() == DType::f64) &&
                weight.layout() == Layout::row_major,
            "[optimizer] parameters must be row-major f32 or f64; got ", parameter.name, " ",
            weight, ".");
    require(weight.device() == device, "[optimizer] parameters must all be on ", device, "; got ",
            parameter.name, " ", weight, ". Move them by Module::to().");
    const bool decays = config.decay_norms_and_biases || !parameter.is_norm_or_bias();
    Entry entry{.parameter = std::move(parameter),
                .state = {},
                .steps = Tensor::zeros({}, {.dtype = DType::i64, .device = device}),
                .weight_decay = decays ? config.weight_decay : 0};
    for (size_t i = 0; i < quantities_.size(); ++i)
      entry.state.push_back(Tensor::zeros_like(entry.parameter.tensor));
    entries_.push_back(std::move(entry));
  }
  if (!device.is_cpu()) lr_ = Tensor::zeros({}, {.dtype = DType::f64, .device = device});
}

void Optimizer::step(const Masks& masks, double lr) {
  if (lr_.defined()) lr_.fill(lr);
  step(masks, {.lr = lr, .lr_on_device = lr_});
}

void Optimizer::step(const Masks& masks, const StepRate& rate) {
  std::vector<ParameterSlot> slots = slots_for(masks);
  if (slots.empty()) return;
  on_backend("optimizer", slots[0].weight.device(),
             [&](auto& backend) { count_step(backend, slots, rate); });
  update(slots, rate);
}

std::vector<ParameterSlot> Optimizer::slots_for(const Masks& masks) const {
  std::vector<ParameterSlot> slots;
  for (const Entry& entry : entries_) {
    const Tensor& weight = entry.parameter.tensor;
    const Tensor gradient = weight.grad();
    if (!gradient.defined()) continue;
    const Tensor mask = masks.of(entry.parameter.name);
    require(gradient.shape() == weight.shape() && gradient.dtype() == weight.dtype() &&
                gradient.layout() == Layout::row_major && gradient.device() == weight.device(),
            "[optimizer] the gradient of ", entry.parameter.name, " must be ", weight, "; got ",
            gradient, ".");
    require(!mask.defined() || (mask.shape() == weight.shape() && mask.dtype() == DType::u8 &&
                                mask.device() == weight.device()),
            "[optimizer] the mask of ", entry.parameter.name, " must be u8", weight.shape(), " on ",
            weight.device(), "; got ", mask, ".");
    slots.push_back({weight, gradient, mask, entry.state, entry.steps, entry.weight_decay});
  }
  return slots;
}

TensorMap Optimizer::state() const {
  TensorMap state;
  for (const Entry& entry : entries_) {
    for (size_t i = 0; i < quantities_.size(); ++i)
      state[entry.parameter.name + "." + quantities_[i]] = entry.state[i];
    state[entry.parameter.name + ".step"] = entry.steps;
  }
  return state;
}

void Optimizer::load_state(const TensorMap& state) {
  copy_tensors("optimizer", state, this->state());
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config,
                                          std::vector<Parameter> parameters) {
  if (config.type == "sgd") return std::make_unique<Sgd>(std::move(parameters), config);
  if (config.type == "adam")
    return std::make_unique<Adam>(std::move(parameters), config, WeightDecay::l2);
  if (config.type == "adamw")
    return std::make_unique<Adam>(std::move(parameters), config, WeightDecay::decoupled);
  fail("[optimizer] type must be sgd, adam or adamw; got '", config.type, "'.");
}

}  // namespace tessera

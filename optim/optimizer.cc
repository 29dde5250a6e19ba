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
  for (Parameter& parameter : parameters) {
    const Tensor& weight = parameter.tensor;
    require((weight.dtype() == DType::f32 || weight.dtype() == DType::f64) &&
                weight.layout() == Layout::row_major,
            "[optimizer] parameters must be row-major f32 or f64; got ", parameter.name, " ",
            weight, ".");
    const bool decays = config.decay_norms_and_biases || parameter.role == ParameterRole::weight;
    Entry entry{.parameter = std::move(parameter),
                .state = {},
                .steps = Tensor::zeros({}, {.dtype = DType::i64}),
                .weight_decay = decays ? config.weight_decay : 0};
    for (size_t i = 0; i < quantities_.size(); ++i)
      entry.state.push_back(Tensor::zeros_like(entry.parameter.tensor));
    entries_.push_back(std::move(entry));
  }
}

void Optimizer::step(const Masks& masks, double lr) {
  for (Entry& entry : entries_) {
    const Parameter& parameter = entry.parameter;
    const Tensor gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    const Tensor mask = masks.of(parameter.name);
    require(gradient.shape() == parameter.tensor.shape() &&
                gradient.dtype() == parameter.tensor.dtype() &&
                gradient.layout() == Layout::row_major,
            "[optimizer] the gradient of ", parameter.name, " must be ", parameter.tensor, "; got ",
            gradient, ".");
    require(
        !mask.defined() || (mask.shape() == parameter.tensor.shape() && mask.dtype() == DType::u8),
        "[optimizer] the mask of ", parameter.name, " must be u8", parameter.tensor.shape(),
        "; got ", mask, ".");
    Slot slot{parameter.tensor, gradient,           mask,
              entry.state,      entry.weight_decay, ++*entry.steps.data<int64_t>()};
    update(slot, lr);
  }
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

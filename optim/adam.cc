#include "optim/adam.h"

#include "framework/backend/backend.h"
#include "framework/core/errors.h"

namespace tessera {

Adam::Adam(std::vector<Parameter> parameters, const OptimizerConfig& config, WeightDecay decay)
    : Optimizer(std::move(parameters), config, {"exp_avg", "exp_avg_sq"}) {
  const std::vector<double>& betas = config.betas;
  require(betas.size() == 2, "[", config.type, "] betas must be two numbers; got ", betas.size(),
          ".");
  require(betas[0] >= 0 && betas[0] < 1 && betas[1] >= 0 && betas[1] < 1, "[", config.type,
          "] betas must lie in [0, 1); got ", betas[0], " and ", betas[1], ".");
  require(config.eps > 0, "[", config.type, "] eps must be positive; got ", config.eps, ".");
  options_ = {.beta1 = betas[0], .beta2 = betas[1], .eps = config.eps, .weight_decay_kind = decay};
}

void Adam::update(std::vector<ParameterSlot>& slots, const StepRate& rate) {
  on_backend("adam", slots[0].weight.device(),
             [&](auto& backend) { adam_update(backend, options_, rate, slots); });
}

}  // namespace tessera

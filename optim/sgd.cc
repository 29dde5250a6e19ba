#include "optim/sgd.h"

#include "framework/backend/backend.h"
#include "framework/core/errors.h"

namespace tessera {

Sgd::Sgd(std::vector<Parameter> parameters, const OptimizerConfig& config)
    : Optimizer(std::move(parameters), config,
                config.momentum > 0 ? std::vector<std::string>{"momentum_buffer"}
                                    : std::vector<std::string>{}),
      options_{config.momentum, config.nesterov} {
  const double momentum = config.momentum;
  require(momentum >= 0 && momentum < 1, "[sgd] momentum must lie in [0, 1); got ", momentum, ".");
  require(!config.nesterov || momentum > 0, "[sgd] nesterov needs momentum > 0; got ", momentum,
          ".");
}

void Sgd::update(std::vector<ParameterSlot>& slots, const StepRate& rate) {
  on_backend("sgd", slots[0].weight.device(),
             [&](auto& backend) { sgd_update(backend, options_, rate, slots); });
}

}  // namespace tessera

#include "optim/sgd.h"

#include "framework/backend/backend.h"
#include "framework/core/errors.h"

namespace tessera {

Sgd::Sgd(std::vector<Parameter> parameters, const OptimizerConfig& config)
    : Optimizer(std::move(parameters), config,
                config.momentum > 0 ? std::vector<std::string>{"momentum_buffer"}
                                    : std::vector<std::string>{}),
      momentum_(config.momentum),
      nesterov_(config.nesterov) {
  require(momentum_ >= 0 && momentum_ < 1, "[sgd] momentum must lie in [0, 1); got ", momentum_,
          ".");
  require(!nesterov_ || momentum_ > 0, "[sgd] nesterov needs momentum > 0; got ", momentum_, ".");
}

void Sgd::update(Slot& slot, double lr) {
  const SgdOptions options{lr, momentum_, nesterov_, slot.weight_decay};
  Tensor velocity = slot.state.empty() ? Tensor{} : slot.state[0];
  on_backend("sgd", slot.weight.device(), [&](auto& backend) {
    sgd_update(backend, options, slot.gradient, slot.mask, slot.weight, velocity);
  });
}

}  // namespace tessera

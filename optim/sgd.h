// Stochastic gradient descent with momentum, as PyTorch defines it. With g the gradient:
//   g <- g + weight_decay * w
//   v <- momentum * v + g          (v = 0 at first; left out where momentum = 0)
//   w <- w - lr * v                or, with Nesterov's momentum, w - lr * (g + momentum * v)
// State: "<parameter>.momentum_buffer" (v).
#pragma once

#include "optim/optimizer.h"

namespace tessera {

struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;
};

class Sgd : public Optimizer {
 public:
  /// Throws: std::invalid_argument unless 0 <= momentum < 1, and for Nesterov without momentum.
  Sgd(std::vector<Parameter> parameters, const OptimizerConfig& config);

 protected:
  void update(std::vector<ParameterSlot>& slots, const StepRate& rate) override;

 private:
  SgdOptions options_;
};

/// One pass; weight and velocity are exactly 0 where mask is. The state is v, or nothing.
void sgd_update(Cpu&, const SgdOptions& options, const StepRate& rate,
                std::vector<ParameterSlot>& slots);

void sgd_update(Cuda&, const SgdOptions& options, const StepRate& rate,
                std::vector<ParameterSlot>& slots);

}  // namespace tessera

// Stochastic gradient descent with momentum, as PyTorch defines it. With g the gradient:
//   g <- g + weight_decay * w
//   v <- momentum * v + g          (v = 0 at first; left out where momentum = 0)
//   w <- w - lr * v                or, with Nesterov's momentum, w - lr * (g + momentum * v)
// State: "<parameter>.momentum_buffer" (v).
#pragma once

#include "optim/optimizer.h"

namespace tessera {

class Cpu;
class Cuda;

struct SgdOptions {
  double lr = 0;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
};

class Sgd : public Optimizer {
 public:
  /// Throws: std::invalid_argument unless 0 <= momentum < 1, and for Nesterov without momentum.
  Sgd(std::vector<Parameter> parameters, const OptimizerConfig& config);

 protected:
  void update(Slot& slot, double lr) override;

 private:
  double momentum_;
  bool nesterov_;
};

/// One pass; weight and velocity are exactly 0 where mask is. mask and velocity may be undefined.
void sgd_update(Cpu&, const SgdOptions& options, const Tensor& gradient, const Tensor& mask,
                Tensor& weight, Tensor& velocity);

void sgd_update(Cuda&, const SgdOptions& options, const Tensor& gradient, const Tensor& mask,
                Tensor& weight, Tensor& velocity);

}  // namespace tessera

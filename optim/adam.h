// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015) and AdamW (Loshchilov
// and Hutter, "Decoupled weight decay regularization", 2019), as PyTorch defines them. With g the
// gradient and t the step, from 1:
//   g <- g + weight_decay * w  (Adam)      or  w <- w - lr * weight_decay * w  (AdamW)
//   m <- b1 * m + (1 - b1) * g             v <- b2 * v + (1 - b2) * g^2
//   w <- w - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
// State: "<parameter>.exp_avg" (m), "<parameter>.exp_avg_sq" (v), both 0 at first.
#pragma once

#include "optim/optimizer.h"

namespace tessera {

enum class WeightDecay {
  l2,         ///< part of the gradient: Adam
  decoupled,  ///< of the weight itself: AdamW
};

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  WeightDecay weight_decay_kind = WeightDecay::l2;
};

class Adam : public Optimizer {
 public:
  /// Throws: std::invalid_argument unless betas are two numbers in [0, 1) and eps > 0.
  Adam(std::vector<Parameter> parameters, const OptimizerConfig& config, WeightDecay decay);

 protected:
  void update(std::vector<ParameterSlot>& slots, const StepRate& rate) override;

 private:
  AdamOptions options_;
};

/// One pass; weight, m and v are exactly 0 where mask is. The state is m, then v.
void adam_update(Cpu&, const AdamOptions& options, const StepRate& rate,
                 std::vector<ParameterSlot>& slots);

void adam_update(Cuda&, const AdamOptions& options, const StepRate& rate,
                 std::vector<ParameterSlot>& slots);

}  // namespace tessera

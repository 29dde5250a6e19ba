// Normalisation of the last axis (framework/ops/layer_norm.h, rms_norm.h).
#pragma once

#include "layers/module.h"

namespace tessera {

/// Parameters: weight [features], bias [features].
class LayerNorm : public Module {
 public:
  /// REQUIRES: features >= 1, epsilon > 0.
  explicit LayerNorm(int64_t features, double epsilon = 1e-5, bool bias = true);

  const char* kind() const override { return "LayerNorm"; }
  Tensor forward(const Tensor& x) override;

 private:
  double epsilon_;
  Tensor weight_, bias_;
};

/// Parameters: weight [features].
class RMSNorm : public Module {
 public:
  /// REQUIRES: features >= 1, epsilon > 0.
  explicit RMSNorm(int64_t features, double epsilon = 1e-6);

  const char* kind() const override { return "RMSNorm"; }
  Tensor forward(const Tensor& x) override;

 private:
  double epsilon_;
  Tensor weight_;
};

}  // namespace tessera

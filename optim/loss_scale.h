// Dynamic loss scaling for training in f16 (Micikevicius et al., "Mixed precision training", 2018):
// the loss is multiplied by a factor, so that small gradients do not round to zero, and the
// gradients are divided by it again. A step in which a gradient overflows is skipped and the factor
// halved; after 2000 good steps it is doubled. All of it lives in device memory: the host waits for
// none of it, and a captured graph of a step stays valid.
#pragma once

#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/host_device.h"
#include "framework/core/tensor_map.h"
#include "layers/module.h"

namespace tessera {

struct LossScaleValues {
  float scale = 65536;
  int32_t good_steps = 0;  ///< since the scale last changed
};

/// What follows from a step. The scale stays within [1, 2^24].
TESSERA_HOST_DEVICE inline LossScaleValues after_step(LossScaleValues values, bool overflowed) {
  constexpr int32_t kGrowthInterval = 2000;
  constexpr float kSmallest = 1, kLargest = 16777216;
  if (overflowed) return {values.scale / 2 < kSmallest ? kSmallest : values.scale / 2, 0};
  if (values.good_steps + 1 < kGrowthInterval) return {values.scale, values.good_steps + 1};
  return {values.scale * 2 > kLargest ? kLargest : values.scale * 2, 0};
}

class LossScale {
 public:
  explicit LossScale(Device device);

  /// The gradient to start backward() with: the factor, an f32 scalar.
  const Tensor& factor() const { return factor_; }
  /// Divides the gradients by the factor, and notes whether one of them is not finite.
  void unscale(const std::vector<Parameter>& parameters);
  /// i32 scalar: 1 where the step must be skipped (StepRate::skip).
  const Tensor& overflowed() const { return overflowed_; }
  /// Moves the factor on; once a step, last.
  void update();

  /// For checkpoints; shares its elements.
  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  Tensor factor_, good_steps_, overflowed_;
};

/// tensors /= factor; overflowed = whether an element is not finite.
void unscale_tensors(Cpu&, const Tensor& factor, std::vector<Tensor>& tensors, Tensor& overflowed);
void update_loss_scale(Cpu&, const Tensor& overflowed, Tensor& factor, Tensor& good_steps);

void unscale_tensors(Cuda&, const Tensor& factor, std::vector<Tensor>& tensors, Tensor& overflowed);
void update_loss_scale(Cuda&, const Tensor& overflowed, Tensor& factor, Tensor& good_steps);

}  // namespace tessera

// Exponential moving average of a model's weights (Polyak and Juditsky, 1992).
//   average <- d * average + (1 - d) * weight,  d = min(decay, (1 + n) / (10 + n)) at the n-th
//   update,
// n from 0, so that the first weights are soon forgotten. Floating-point buffers (the running
// statistics of batch norm) are averaged alike; integer ones are copied.
#pragma once

#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/tensor_map.h"
#include "layers/masks.h"
#include "layers/module.h"

namespace tessera {

/// One average with what it follows; mask may be undefined: all kept.
struct AveragedTensor {
  Tensor average, value, mask;
};

class Ema {
 public:
  /// Starts from the model's present state, on its device. REQUIRES: decay in (0, 1).
  Ema(const Module& model, double decay);

  /// Pruned weights are exactly zero in the average, too, at once. `masks`: on the model's device.
  void update(const Module& model, const Masks& masks);

  /// Exchanges the elements of the model with the average's: once to evaluate, again to train on.
  void swap(Module& model);

  /// The averages under the names of the state dict, and "ema.updates" (i64); shares its elements.
  TensorMap state() const;
  void load_state(const TensorMap& state);
  /// The averages alone: a state dict of the model.
  const TensorMap& averages() const { return averages_; }

 private:
  double decay_;
  TensorMap averages_;
  Tensor updates_;  ///< i64 scalar
};

/// The update of all tensors (f32 or f64), with d from `decay` and n = updates; then ++updates.
void ema_update(Cpu&, double decay, std::vector<AveragedTensor>& tensors, Tensor& updates);

void ema_update(Cuda&, double decay, std::vector<AveragedTensor>& tensors, Tensor& updates);

}  // namespace tessera

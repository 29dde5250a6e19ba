// One optimizer step on the model's device: forward, backward, masks, clipping, update, average.
// On a CUDA device it is queued, and the host waits for nothing.
#pragma once

#include "framework/io/config.h"
#include "framework/train/batch_stream.h"
#include "framework/train/metric_sums.h"
#include "layers/masks.h"
#include "layers/module.h"
#include "optim/ema.h"
#include "optim/optimizer.h"

namespace tessera {

class TrainStep {
 public:
  /// The references must outlive the step. The model is on `device`.
  TrainStep(const Config& config, Module& model, Device device);

  /// What the steps from now on update, and the masks that they hold; `average` may be null.
  void begin(Optimizer& optimizer, Ema* average, Masks masks);

  /// A step over the next train.accumulate batches. `step` keys its random numbers. On the cpu a
  /// loss that is not finite ends the step before anything is updated.
  void run(BatchStream& batches, int64_t step, double lr);

  /// Loss and accuracy of the steps so far.
  MetricSums& sums() { return sums_; }

 private:
  bool add_gradients(const Batch& batch, int64_t step, int64_t part);
  void update(double lr);

  const Config& config_;
  Module& model_;
  const std::vector<Parameter> parameters_;
  Device device_;
  MetricSums sums_;
  Optimizer* optimizer_ = nullptr;
  Ema* average_ = nullptr;
  Masks masks_;
};

}  // namespace tessera

// Batch normalisation of [N, C, H, W] nhwc images (framework/ops/batch_norm.h): with the batch's
// statistics in training, with the running ones in evaluation.
// Parameters: weight [C], bias [C]. Buffers: running_mean [C], running_var [C],
// num_batches_tracked (i64 scalar).
#pragma once

#include "layers/module.h"

namespace tessera {

class BatchNorm2d : public Module {
 public:
  /// REQUIRES: channels >= 1, epsilon > 0.
  explicit BatchNorm2d(int64_t channels, double epsilon = 1e-5, double momentum = 0.1);

  const char* kind() const override { return "BatchNorm2d"; }
  Tensor forward(const Tensor& x) override { return normalize(x, {}, false); }
  /// max(forward(x) + residual, 0) as one op; residual may be undefined.
  Tensor forward_relu(const Tensor& x, const Tensor& residual = {}) {
    return normalize(x, residual, true);
  }

 private:
  Tensor normalize(const Tensor& x, const Tensor& residual, bool relu);

  double epsilon_, momentum_;
  Tensor weight_, bias_, running_mean_, running_var_, num_batches_tracked_;
};

}  // namespace tessera

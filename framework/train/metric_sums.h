// Loss and accuracy summed over batches, in the memory of the device that computes them, so that
// the host waits only where it reads them.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"
#include "layers/module.h"

namespace tessera {

struct MetricValues {
  double loss = 0;       ///< summed over samples
  double step_loss = 0;  ///< summed over the batches of the step under way
  int64_t top1 = 0;      ///< samples whose label has the largest logit
  int64_t top5 = 0;      ///< samples whose label is among the five largest
  int64_t samples = 0;
  int64_t batches = 0;
  int64_t first_bad = -1;  ///< the batch whose loss was the first not to be finite; -1: none
  double bad_loss = 0;     ///< that loss
};

class MetricSums {
 public:
  explicit MetricSums(Device device);

  /// Adds a batch. Among equal logits the lower class counts as larger, and NaN as larger than
  /// all; a label whose logit is NaN counts as a miss, like one outside [0, classes). Rows of
  /// kIgnoredLabel do not count.
  /// logits: [N, columns] f32, on a CUDA device also bf16 or f16; labels: i64 [N]; loss: the mean
  /// over the rows that count, an f32 scalar. All on the sums' device. `part`: which batch of its
  /// step it is, from 0.
  void add(const Logits& logits, const Tensor& labels, const Tensor& loss, int64_t part = 0);

  /// On a CUDA device the host waits for all work queued so far.
  MetricValues read() const;
  void set(const MetricValues& values);

 private:
  Tensor values_;  ///< the bytes of MetricValues
};

void metrics_add(Cpu&, const Logits& logits, const Tensor& labels, const Tensor& loss, int64_t part,
                 MetricValues* values);

void metrics_add(Cuda&, const Logits& logits, const Tensor& labels, const Tensor& loss,
                 int64_t part, MetricValues* values);

}  // namespace tessera

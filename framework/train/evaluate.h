// Accuracy of a classifier on a data set.
#pragma once

#include <functional>

#include "framework/train/batch_stream.h"

namespace tessera {

struct Evaluation {
  double loss = 0;  ///< mean cross-entropy per sample
  double top1 = 0;  ///< fraction of the samples whose label has the largest logit
  double top5 = 0;  ///< fraction whose label is among the five largest
  int64_t samples = 0;
};

/// Runs `logits` ([N, ...] images -> [N, classes] f32, on the stream's device) over one pass of the
/// batches, in order, without recording gradients. Among equal logits the lower class counts as
/// larger.
Evaluation evaluate(const std::function<Tensor(const Tensor& images)>& logits,
                    BatchStream& batches);

}  // namespace tessera

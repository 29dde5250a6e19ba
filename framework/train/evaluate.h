// Accuracy of a classifier on a data set.
#pragma once

#include <functional>

#include "datasets/data_loader.h"

namespace tessera {

struct Evaluation {
  double loss = 0;  ///< mean cross-entropy per sample
  double top1 = 0;  ///< fraction of the samples whose label has the largest logit
  double top5 = 0;  ///< fraction whose label is among the five largest
  int64_t samples = 0;
};

/// Runs `logits` ([N, ...] images -> [N, classes] f32) over one pass of the loader, in order,
/// without recording gradients. Among equal logits the lower class counts as larger.
Evaluation evaluate(const std::function<Tensor(const Tensor& images)>& logits, DataLoader& loader);

/// Samples of a batch whose label is among the k largest logits.
/// logits: [N, classes] f32; labels: [N] i64 in [0, classes).
int64_t count_top(const Tensor& logits, const Tensor& labels, int64_t k);

}  // namespace tessera

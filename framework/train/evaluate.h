// Loss and accuracy of a model on a data set. A sample is what has a label: an image, or a token.
#pragma once

#include <functional>
#include <vector>

#include "framework/train/batch_stream.h"

namespace tessera {

struct Evaluation {
  double loss = 0;  ///< mean cross-entropy per sample
  double top1 = 0;  ///< fraction of the samples whose label has the largest logit
  double top5 = 0;  ///< fraction whose label is among the five largest
  int64_t samples = 0;
};

/// The inputs of a batch -> logits [..., classes], f32.
using Forward = std::function<Tensor(const std::vector<Tensor>& inputs)>;

/// Runs `logits`, on the stream's device, over one pass of the batches, in order, without recording
/// gradients; each batch is shown to `see`, too. Among equal logits the lower class counts as
/// larger.
Evaluation evaluate(const Forward& logits, BatchStream& batches,
                    const std::function<void(const Batch&, const Tensor& logits)>& see = nullptr);

}  // namespace tessera

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

/// Runs `logits` (the inputs of a batch -> [..., classes] f32, on the stream's device) over one
/// pass of the batches, in order, without recording gradients. Among equal logits the lower class
/// counts as larger.
Evaluation evaluate(const std::function<Tensor(const std::vector<Tensor>& inputs)>& logits,
                    BatchStream& batches);

}  // namespace tessera

// The loss of a batch: one label for each row of logits, whatever a row stands for: an image, a
// sentence, a token.
#pragma once

#include "datasets/batch_source.h"
#include "framework/core/tensor.h"
#include "layers/module.h"

namespace tessera {

struct BatchLoss {
  Tensor logits;  ///< [rows, columns]
  Tensor labels;  ///< i64 [rows]
  Tensor loss;    ///< mean cross-entropy of the rows that count
};

/// logits: [..., columns], f32 or on a CUDA device a half type, of which the loss is f32 as well;
/// target: i64 [...]; rows of kIgnoredLabel do not count. Throws: std::invalid_argument where the
/// leading extents differ.
BatchLoss batch_loss(const Logits& logits, const Tensor& target, double label_smoothing = 0);

}  // namespace tessera

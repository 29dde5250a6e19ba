#include "framework/train/batch_loss.h"

#include "framework/core/errors.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/reshape.h"

namespace tessera {

BatchLoss batch_loss(const Logits& of_batch, const Tensor& target, double label_smoothing) {
  const Tensor& logits = of_batch.values;
  const bool fits = logits.rank() == target.rank() + 1 && logits.dim(-1) >= 1 &&
                    logits.numel() == target.numel() * logits.dim(-1);
  require(fits, "[loss] logits must be [..., classes] for a target [...]; got ", logits, " and ",
          target, ".");
  BatchLoss out{.logits = reshape(logits, {target.numel(), logits.dim(-1)}),
                .labels = reshape(target, {target.numel()}),
                .loss = {}};
  out.loss = cross_entropy(out.logits, out.labels,
                           {.label_smoothing = label_smoothing,
                            .ignore_index = kIgnoredLabel,
                            .classes = of_batch.classes});
  return out;
}

}  // namespace tessera

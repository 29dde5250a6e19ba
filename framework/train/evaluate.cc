#include "framework/train/evaluate.h"

#include <algorithm>

#include "framework/autograd/autograd.h"
#include "framework/train/batch_loss.h"
#include "framework/train/metric_sums.h"

namespace tessera {

Evaluation evaluate(const Forward& logits, BatchStream& batches,
                    const std::function<void(const Batch&, const Tensor& logits)>& see) {
  NoGrad no_grad;
  MetricSums sums(batches.device());
  batches.begin(0);
  for (Batch batch; batches.next(batch); batches.prefetch()) {
    const Tensor of_batch = logits(batch.inputs);
    const auto [rows, labels, loss] = batch_loss(of_batch, batch.target);
    sums.add(rows, labels, loss);
    if (see) see(batch, of_batch);
  }
  const MetricValues values = sums.read();
  const auto samples = static_cast<double>(std::max<int64_t>(values.samples, 1));
  return {.loss = values.loss / samples,
          .top1 = static_cast<double>(values.top1) / samples,
          .top5 = static_cast<double>(values.top5) / samples,
          .samples = values.samples};
}

}  // namespace tessera

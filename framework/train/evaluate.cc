#include "framework/train/evaluate.h"

#include <algorithm>

#include "framework/autograd/autograd.h"
#include "framework/train/batch_loss.h"
#include "framework/train/metric_sums.h"

namespace tessera {

Evaluation evaluate(const std::function<Tensor(const std::vector<Tensor>& inputs)>& logits,
                    BatchStream& batches) {
  NoGrad no_grad;
  MetricSums sums(batches.device());
  batches.begin(0);
  for (Batch batch; batches.next(batch); batches.prefetch()) {
    const auto [rows, labels, loss] = batch_loss(logits(batch.inputs), batch.target);
    sums.add(rows, labels, loss);
  }
  const MetricValues values = sums.read();
  const auto samples = static_cast<double>(std::max<int64_t>(values.samples, 1));
  return {.loss = values.loss / samples,
          .top1 = static_cast<double>(values.top1) / samples,
          .top5 = static_cast<double>(values.top5) / samples,
          .samples = values.samples};
}

}  // namespace tessera

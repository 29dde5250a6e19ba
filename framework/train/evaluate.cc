#include "framework/train/evaluate.h"

#include <algorithm>

#include "framework/autograd/autograd.h"
#include "framework/ops/cross_entropy.h"

namespace tessera {

int64_t count_top(const Tensor& logits, const Tensor& labels, int64_t k) {
  const int64_t classes = logits.dim(1);
  const float* row = logits.data<float>();
  const int64_t* const label = labels.data<int64_t>();
  int64_t hits = 0;
  for (int64_t n = 0; n < logits.dim(0); ++n, row += classes) {
    const float own = row[label[n]];
    int64_t ahead = 0;
    for (int64_t c = 0; c < classes; ++c) ahead += row[c] > own || (row[c] == own && c < label[n]);
    hits += ahead < k;
  }
  return hits;
}

Evaluation evaluate(const std::function<Tensor(const Tensor& images)>& logits, DataLoader& loader) {
  NoGrad no_grad;
  Evaluation result;
  loader.begin(0);
  for (Batch batch; loader.next(batch);) {
    const Tensor y = logits(batch.input);
    const int64_t count = batch.target.dim(0);
    result.loss += cross_entropy(y, batch.target).item() * static_cast<double>(count);
    result.top1 += static_cast<double>(count_top(y, batch.target, 1));
    result.top5 += static_cast<double>(count_top(y, batch.target, 5));
    result.samples += count;
  }
  const auto samples = static_cast<double>(std::max<int64_t>(result.samples, 1));
  result.loss /= samples;
  result.top1 /= samples;
  result.top5 /= samples;
  return result;
}

}  // namespace tessera

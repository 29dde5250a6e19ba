#include <cmath>

#include "framework/train/batch_loss.h"
#include "framework/train/metric_sums.h"

namespace tessera {

void metrics_add(Cpu&, const Logits& logits, const Tensor& labels, const Tensor& loss, int64_t part,
                 MetricValues* values) {
  const int64_t count = logits.values.dim(0), columns = logits.values.dim(1);
  const int64_t classes = logits.classes;
  const float* row = logits.values.data<float>();
  const int64_t* const label = labels.data<int64_t>();
  int64_t samples = 0;
  for (int64_t n = 0; n < count; ++n, row += columns) {
    samples += label[n] != kIgnoredLabel;
    if (label[n] < 0 || label[n] >= classes) continue;
    const float own = row[label[n]];
    if (std::isnan(own)) continue;
    int64_t ahead = 0;
    for (int64_t c = 0; c < classes; ++c)
      ahead += !(row[c] <= own) || (row[c] == own && c < label[n]);
    values->top1 += ahead < 1;
    values->top5 += ahead < 5;
  }
  const double mean = *loss.data<float>();
  values->loss += mean * static_cast<double>(samples);
  values->step_loss = part == 0 ? mean : values->step_loss + mean;
  if (!std::isfinite(mean) && values->first_bad < 0) {
    values->first_bad = values->batches;
    values->bad_loss = mean;
  }
  values->samples += samples;
  ++values->batches;
}

}  // namespace tessera

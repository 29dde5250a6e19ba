#include "datasets/text/text_class_batches.h"

#include <algorithm>
#include <utility>

#include "datasets/text/padded_ids.h"

namespace tessera {
namespace {

std::vector<SampleLength> lengths_of(const std::vector<TextSample>& samples) {
  std::vector<SampleLength> lengths;
  for (const TextSample& sample : samples)
    lengths.push_back({.first = static_cast<int64_t>(sample.ids.size())});
  return lengths;
}

}  // namespace

TextClassBatches::TextClassBatches(std::vector<TextSample> samples, int32_t pad,
                                   LengthBatchOptions options)
    : samples_(std::move(samples)), pad_(pad), plan_(lengths_of(samples_), options) {}

double TextClassBatches::units_per_batch() const {
  double tokens = 0;
  for (const TextSample& sample : samples_) tokens += static_cast<double>(sample.ids.size());
  return tokens / static_cast<double>(std::max<int64_t>(batches(), 1));
}

BatchSource::Epoch TextClassBatches::epoch(uint32_t number) const {
  auto chosen = std::make_shared<const std::vector<LengthBatches::Samples>>(plan_.epoch(number));
  return [this, chosen](int64_t index) {
    return prepare((*chosen)[static_cast<size_t>(index)], index);
  };
}

Batch TextClassBatches::prepare(const LengthBatches::Samples& chosen, int64_t index) const {
  IdRows ids, segments;
  Tensor target = Tensor::empty({std::ssize(chosen)}, {.dtype = DType::i64});
  for (size_t n = 0; n < chosen.size(); ++n) {
    const TextSample& sample = samples_[static_cast<size_t>(chosen[n])];
    ids.emplace_back(sample.ids);
    segments.emplace_back(sample.segments);
    target.data<int64_t>()[n] = sample.label;
  }
  const int64_t width = plan_.padded(longest_row(ids));
  return {
      .inputs = {padded_ids(ids, width, pad_), row_lengths(ids), padded_ids(segments, width, 0)},
      .target = target,
      .index = index};
}

}  // namespace tessera

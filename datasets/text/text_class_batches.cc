#include "datasets/text/text_class_batches.h"

#include <algorithm>
#include <utility>

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
  const auto count = static_cast<int64_t>(chosen.size());
  int64_t longest = 0;
  for (const int64_t sample : chosen)
    longest = std::max(longest, std::ssize(samples_[static_cast<size_t>(sample)].ids));
  const int64_t width = plan_.padded(longest);
  Tensor ids = Tensor::full({count, width}, pad_, {.dtype = DType::i64});
  Tensor lengths = Tensor::empty({count}, {.dtype = DType::i64});
  Tensor segments = Tensor::zeros({count, width}, {.dtype = DType::i64});
  Tensor target = Tensor::empty({count}, {.dtype = DType::i64});
  for (int64_t n = 0; n < count; ++n) {
    const TextSample& sample = samples_[static_cast<size_t>(chosen[static_cast<size_t>(n)])];
    std::ranges::copy(sample.ids, ids.data<int64_t>() + n * width);
    std::ranges::copy(sample.segments, segments.data<int64_t>() + n * width);
    lengths.data<int64_t>()[n] = std::ssize(sample.ids);
    target.data<int64_t>()[n] = sample.label;
  }
  return {.inputs = {ids, lengths, segments}, .target = target, .index = index};
}

}  // namespace tessera

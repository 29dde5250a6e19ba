#include "datasets/text/text_class_batches.h"

#include <utility>

namespace tessera {
TextClassBatches::TextClassBatches(std::vector<TextSample> samples, int32_t pad,
                                   LengthBatchOptions options)
    : samples_(std::move(samples)), pad_(pad), plan_(lengths_of(samples_), options) {}

double TextClassBatches::units_per_batch() const { return tokens_per_batch(samples_, batches()); }

BatchSource::Epoch TextClassBatches::epoch(uint32_t number) const {
  auto chosen = std::make_shared<const std::vector<LengthBatches::Samples>>(plan_.epoch(number));
  return [this, chosen](int64_t index) {
    return prepare((*chosen)[static_cast<size_t>(index)], index);
  };
}

Batch TextClassBatches::prepare(const LengthBatches::Samples& chosen, int64_t index) const {
  const std::vector<const TextRow*> texts = texts_of(samples_, chosen);
  Tensor target = Tensor::empty({std::ssize(chosen)}, {.dtype = DType::i64});
  for (size_t n = 0; n < chosen.size(); ++n)
    target.data<int64_t>()[n] = samples_[static_cast<size_t>(chosen[n])].label;
  return {.inputs = text_inputs(texts, plan_.padded(longest_of(texts)), pad_),
          .target = target,
          .index = index};
}

}  // namespace tessera

#include "datasets/text/text_class_batches.h"

#include <utility>

namespace tessera {

TextClassBatches::TextClassBatches(std::vector<TextSample> samples, int32_t pad,
                                   LengthBatchOptions options)
    : LengthBatchSource(lengths_of(samples), options), samples_(std::move(samples)), pad_(pad) {}

Batch TextClassBatches::prepare(const LengthBatches::Samples& chosen, uint32_t,
                                int64_t index) const {
  const std::vector<const TextRow*> texts = texts_of(samples_, chosen);
  Tensor target = Tensor::empty({std::ssize(chosen)}, {.dtype = DType::i64});
  for (size_t n = 0; n < chosen.size(); ++n)
    target.data<int64_t>()[n] = samples_[static_cast<size_t>(chosen[n])].label;
  return {.inputs = text_inputs(texts, plan().padded(longest_of(texts)), pad_),
          .target = target,
          .index = index};
}

}  // namespace tessera

#include "datasets/text/squad_batches.h"

#include <algorithm>
#include <utility>

namespace tessera {

SquadBatches::SquadBatches(std::shared_ptr<const SquadSet> set, int32_t pad,
                           LengthBatchOptions options)
    : set_(std::move(set)), pad_(pad), plan_(lengths_of(set_->windows), options) {}

double SquadBatches::units_per_batch() const { return tokens_per_batch(set_->windows, batches()); }

BatchSource::Epoch SquadBatches::epoch(uint32_t number) const {
  auto chosen = std::make_shared<const std::vector<LengthBatches::Samples>>(plan_.epoch(number));
  return [this, chosen](int64_t index) {
    return prepare((*chosen)[static_cast<size_t>(index)], index);
  };
}

Batch SquadBatches::prepare(const LengthBatches::Samples& chosen, int64_t index) const {
  const std::vector<const TextRow*> texts = texts_of(set_->windows, chosen);
  Tensor target = Tensor::empty({std::ssize(chosen), 2}, {.dtype = DType::i64});
  for (size_t n = 0; n < chosen.size(); ++n)
    std::ranges::copy(set_->windows[static_cast<size_t>(chosen[n])].target,
                      target.data<int64_t>() + 2 * n);
  return {.inputs = text_inputs(texts, plan_.padded(longest_of(texts)), pad_),
          .target = target,
          .index = index};
}

}  // namespace tessera

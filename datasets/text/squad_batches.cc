#include "datasets/text/squad_batches.h"

#include <algorithm>
#include <utility>

namespace tessera {

SquadBatches::SquadBatches(std::shared_ptr<const SquadSet> set, int32_t pad,
                           LengthBatchOptions options)
    : LengthBatchSource(lengths_of(set->windows), options), set_(std::move(set)), pad_(pad) {}

Batch SquadBatches::prepare(const LengthBatches::Samples& chosen, uint32_t, int64_t index) const {
  const std::vector<const TextRow*> texts = texts_of(set_->windows, chosen);
  Tensor target = Tensor::empty({std::ssize(chosen), 2}, {.dtype = DType::i64});
  for (size_t n = 0; n < chosen.size(); ++n)
    std::ranges::copy(set_->windows[static_cast<size_t>(chosen[n])].target,
                      target.data<int64_t>() + 2 * n);
  return {.inputs = text_inputs(texts, plan().padded(longest_of(texts)), pad_),
          .target = target,
          .index = index};
}

}  // namespace tessera

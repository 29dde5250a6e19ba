#include "datasets/text/length_batch_source.h"

#include <memory>

namespace tessera {

LengthBatchSource::LengthBatchSource(const std::vector<SampleLength>& lengths,
                                     LengthBatchOptions options)
    : plan_(lengths, options) {
  for (const SampleLength& length : lengths)
    units_ += static_cast<double>(length.second > 0 ? length.second : length.first);
}

BatchSource::Epoch LengthBatchSource::epoch(uint32_t number) const {
  const auto batches =
      std::make_shared<const std::vector<LengthBatches::Samples>>(plan_.epoch(number));
  return [this, batches, number](int64_t index) {
    return prepare((*batches)[static_cast<size_t>(index)], number, index);
  };
}

}  // namespace tessera

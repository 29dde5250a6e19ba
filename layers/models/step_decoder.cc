#include "layers/models/step_decoder.h"

#include "framework/ops/gather.h"

namespace tessera {
namespace {

/// Of a few whole numbers, for which there is no kernel.
Tensor selected(const Tensor& numbers, const Tensor& rows) {
  const auto from = numbers.to_vector<int64_t>(), index = rows.to_vector<int64_t>();
  std::vector<int64_t> out;
  for (const int64_t i : index) out.push_back(from.at(static_cast<size_t>(i)));
  return Tensor::from(out, rows.shape()).to(numbers.device());
}

}  // namespace

void DecoderState::select(const Tensor& rows, bool same_source) {
  if (memory.defined() && !same_source) memory = gather(memory, rows);
  if (memory_lengths.defined() && !same_source) memory_lengths = selected(memory_lengths, rows);
  cache.select(rows, same_source);
  for (Tensor& tensor : recurrent) tensor = gather(tensor, rows);
}

}  // namespace tessera

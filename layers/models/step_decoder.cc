#include "layers/models/step_decoder.h"

#include "framework/ops/gather.h"

namespace tessera {

void DecoderState::select(const Tensor& rows) {
  for (Tensor* tensor : {&memory, &memory_lengths})
    if (tensor->defined()) *tensor = gather(*tensor, rows);
  cache.select(rows);
  for (Tensor& tensor : recurrent) tensor = gather(tensor, rows);
}

}  // namespace tessera

#include "layers/masks.h"

namespace tessera {

void mask_tensors(Cpu& cpu, std::vector<MaskedTensor>& tensors) {
  // Elements below which one more thread costs more than it gives.
  constexpr int64_t kGrain = 16384;
  for (auto& [values, mask] : tensors) {
    const uint8_t* const keep = mask.data<uint8_t>();
    dispatch_float("mask", values.dtype(), [&]<class T>() {
      T* const v = values.data<T>();
      cpu.parallel_for(values.numel(), kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) v[i] = keep[i] != 0 ? v[i] : T(0);
      });
    });
  }
}

}  // namespace tessera

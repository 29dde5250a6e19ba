#include <algorithm>

#include "optim/ema.h"
#include "optim/parameter_update_cpu.h"

namespace tessera {

void ema_update(Cpu& cpu, double decay, std::vector<AveragedTensor>& tensors, Tensor& updates) {
  const auto n = static_cast<double>((*updates.data<int64_t>())++);
  const double d = std::min(decay, (1 + n) / (10 + n));
  for (AveragedTensor& tensor : tensors) {
    dispatch_float("ema", tensor.average.dtype(), [&]<class T>() {
      const T gain = static_cast<T>(1 - d);
      T* __restrict const a = tensor.average.data<T>();
      const T* __restrict const w = tensor.value.data<T>();
      update_elements(cpu, tensor.average, tensor.mask, [=](int64_t i, bool kept) {
        const T updated = a[i] + gain * (w[i] - a[i]);
        a[i] = kept ? updated : T(0);
      });
    });
  }
}

}  // namespace tessera

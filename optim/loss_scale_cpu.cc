#include <cmath>

#include "optim/loss_scale.h"

namespace tessera {

void unscale_tensors(Cpu&, const Tensor& factor, std::vector<Tensor>& tensors, Tensor& overflowed) {
  const float inverse = 1 / *factor.data<float>();
  bool finite = true;
  for (Tensor& tensor : tensors) {
    dispatch_float("loss_scale", tensor.dtype(), [&]<class T>() {
      T* const values = tensor.data<T>();
      for (int64_t i = 0; i < tensor.numel(); ++i) {
        values[i] *= static_cast<T>(inverse);
        finite = finite && std::isfinite(values[i]);
      }
    });
  }
  *overflowed.data<int32_t>() = finite ? 0 : 1;
}

void update_loss_scale(Cpu&, const Tensor& overflowed, Tensor& factor, Tensor& good_steps) {
  const LossScaleValues next = after_step({*factor.data<float>(), *good_steps.data<int32_t>()},
                                          *overflowed.data<int32_t>() != 0);
  *factor.data<float>() = next.scale;
  *good_steps.data<int32_t>() = next.good_steps;
}

}  // namespace tessera

#include "optim/parameter_update_cuda.h"
#include "optim/sgd.h"

namespace tessera {
namespace {

template <class T>
__global__ void sgd_kernel(const __grid_constant__ SlotList list, SgdOptions options,
                           const double* rate, const int32_t* skip) {
  if (skip != nullptr && *skip != 0) return;
  const T lr = static_cast<T>(*rate), momentum = static_cast<T>(options.momentum);
  const T along_v = options.nesterov ? lr * momentum : lr, along_g = options.nesterov ? lr : T(0);
  for_each_in_block(list, [&](const SlotItem& item, int64_t i) {
    const SlotView<T> slot(item);
    const bool kept = slot.keeps(i);
    const T w = slot.weight[i];
    const T decayed = slot.gradient[i] + static_cast<T>(item.value) * w;
    T step = lr * decayed;
    if (slot.state[0] != nullptr) {
      const T gathered = momentum * slot.state[0][i] + decayed;
      step = along_g * decayed + along_v * gathered;
      slot.state[0][i] = kept ? gathered : T(0);
    }
    slot.weight[i] = kept ? w - step : T(0);
  });
}

}  // namespace

void sgd_update(Cuda& cuda, const SgdOptions& options, const StepRate& rate,
                std::vector<ParameterSlot>& slots) {
  launch_update("sgd", cuda, options, rate, slots, sgd_kernel<float>, sgd_kernel<double>);
}

}  // namespace tessera

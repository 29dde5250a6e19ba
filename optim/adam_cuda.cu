#include "optim/adam.h"
#include "optim/parameter_update_cuda.h"

namespace tessera {
namespace {

/// What a block's step has in common; from the number of steps in device memory.
struct AdamFactors {
  double rate, root_correction, shrink, l2;
};

__device__ AdamFactors factors_of(const AdamOptions& options, double lr, double weight_decay,
                                  int64_t steps) {
  const auto t = static_cast<double>(steps);
  const bool decoupled = options.weight_decay_kind == WeightDecay::decoupled;
  return {lr / (1 - pow(options.beta1, t)), sqrt(1 - pow(options.beta2, t)),
          decoupled ? 1 - lr * weight_decay : 1, decoupled ? 0 : weight_decay};
}

template <class T>
__global__ void adam_kernel(const __grid_constant__ SlotList list, AdamOptions options,
                            const double* lr, const int32_t* skip) {
  if (skip != nullptr && *skip != 0) return;
  __shared__ AdamFactors factors;
  if (threadIdx.x == 0) {
    const SlotItem& item = list.items[list.item_of(blockIdx.x)];
    factors = factors_of(options, *lr, item.value, *static_cast<const int64_t*>(item.data[3]));
  }
  __syncthreads();
  const T l2 = static_cast<T>(factors.l2), shrink = static_cast<T>(factors.shrink);
  const T gain1 = static_cast<T>(1 - options.beta1);
  const T beta2 = static_cast<T>(options.beta2), gain2 = static_cast<T>(1 - options.beta2);
  const T rate = static_cast<T>(factors.rate), eps = static_cast<T>(options.eps);
  const T root_correction = static_cast<T>(factors.root_correction);
  for_each_in_block(list, [&](const SlotItem& item, int64_t i) {
    const SlotView<T> slot(item);
    const bool kept = slot.keeps(i);
    const T w = slot.weight[i], first = slot.state[0][i];
    const T decayed = slot.gradient[i] + l2 * w;
    const T mean = first + gain1 * (decayed - first);
    const T square = beta2 * slot.state[1][i] + gain2 * decayed * decayed;
    const T updated = shrink * w - rate * mean / (sqrt(square) / root_correction + eps);
    slot.state[0][i] = kept ? mean : T(0);
    slot.state[1][i] = kept ? square : T(0);
    slot.weight[i] = kept ? updated : T(0);
  });
}

}  // namespace

void adam_update(Cuda& cuda, const AdamOptions& options, const StepRate& rate,
                 std::vector<ParameterSlot>& slots) {
  launch_update("adam", cuda, options, rate, slots, adam_kernel<float>, adam_kernel<double>);
}

}  // namespace tessera

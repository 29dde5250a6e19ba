#include <cmath>

#include "optim/adam.h"
#include "optim/parameter_update_cpu.h"

namespace tessera {
namespace {

void update(Cpu& cpu, const AdamOptions& options, double lr, ParameterSlot& slot) {
  const auto t = static_cast<double>(*slot.steps.data<int64_t>());
  const double correction1 = 1 - std::pow(options.beta1, t);
  const double correction2 = std::sqrt(1 - std::pow(options.beta2, t));
  const bool decoupled = options.weight_decay_kind == WeightDecay::decoupled;
  dispatch_float("adam", slot.weight.dtype(), [&]<class T>() {
    const T l2 = static_cast<T>(decoupled ? 0 : slot.weight_decay);
    const T shrink = static_cast<T>(decoupled ? 1 - lr * slot.weight_decay : 1);
    const T gain1 = static_cast<T>(1 - options.beta1);
    const T beta2 = static_cast<T>(options.beta2), gain2 = static_cast<T>(1 - options.beta2);
    const T rate = static_cast<T>(lr / correction1);
    const T root_correction = static_cast<T>(correction2), eps = static_cast<T>(options.eps);
    const T* __restrict const g = slot.gradient.data<T>();
    T* __restrict const w = slot.weight.data<T>();
    T* __restrict const first = slot.state[0].data<T>();
    T* __restrict const second = slot.state[1].data<T>();
    update_elements(cpu, slot.weight, slot.mask, [=](int64_t i, bool kept) {
      const T decayed = g[i] + l2 * w[i];
      const T mean = first[i] + gain1 * (decayed - first[i]);
      const T square = beta2 * second[i] + gain2 * decayed * decayed;
      const T updated = shrink * w[i] - rate * mean / (std::sqrt(square) / root_correction + eps);
      first[i] = kept ? mean : T(0);
      second[i] = kept ? square : T(0);
      w[i] = kept ? updated : T(0);
    });
  });
}

}  // namespace

void adam_update(Cpu& cpu, const AdamOptions& options, const StepRate& rate,
                 std::vector<ParameterSlot>& slots) {
  for (ParameterSlot& slot : slots) update(cpu, options, rate.lr, slot);
}

}  // namespace tessera

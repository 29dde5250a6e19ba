#include "optim/parameter_update_cpu.h"
#include "optim/sgd.h"

namespace tessera {
namespace {

void update(Cpu& cpu, const SgdOptions& options, double rate, ParameterSlot& slot) {
  dispatch_float("sgd", slot.weight.dtype(), [&]<class T>() {
    const T lr = static_cast<T>(rate), momentum = static_cast<T>(options.momentum);
    const T decay = static_cast<T>(slot.weight_decay);
    const T* __restrict const g = slot.gradient.data<T>();
    T* __restrict const w = slot.weight.data<T>();
    if (slot.state.empty()) {
      update_elements(cpu, slot.weight, slot.mask, [=](int64_t i, bool kept) {
        const T updated = w[i] - lr * (g[i] + decay * w[i]);
        w[i] = kept ? updated : T(0);
      });
      return;
    }
    T* __restrict const v = slot.state[0].data<T>();
    // The step along v, and that along g, which only Nesterov's momentum takes.
    const T along_v = options.nesterov ? lr * momentum : lr, along_g = options.nesterov ? lr : T(0);
    update_elements(cpu, slot.weight, slot.mask, [=](int64_t i, bool kept) {
      const T decayed = g[i] + decay * w[i];
      const T gathered = momentum * v[i] + decayed;
      const T updated = w[i] - (along_g * decayed + along_v * gathered);
      v[i] = kept ? gathered : T(0);
      w[i] = kept ? updated : T(0);
    });
  });
}

}  // namespace

void sgd_update(Cpu& cpu, const SgdOptions& options, const StepRate& rate,
                std::vector<ParameterSlot>& slots) {
  for (ParameterSlot& slot : slots) update(cpu, options, rate.lr, slot);
}

}  // namespace tessera

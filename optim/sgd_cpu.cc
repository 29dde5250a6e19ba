#include "optim/parameter_update_cpu.h"
#include "optim/sgd.h"

namespace tessera {

void sgd_update(Cpu& cpu, const SgdOptions& options, const Tensor& gradient, const Tensor& mask,
                Tensor& weight, Tensor& velocity) {
  dispatch_float("sgd", weight.dtype(), [&]<class T>() {
    const T lr = static_cast<T>(options.lr), momentum = static_cast<T>(options.momentum);
    const T decay = static_cast<T>(options.weight_decay);
    const T* __restrict const g = gradient.data<T>();
    T* __restrict const w = weight.data<T>();
    if (!velocity.defined()) {
      update_elements(cpu, weight, mask, [=](int64_t i, bool kept) {
        const T updated = w[i] - lr * (g[i] + decay * w[i]);
        w[i] = kept ? updated : T(0);
      });
      return;
    }
    T* __restrict const v = velocity.data<T>();
    // The step along v, and that along g, which only Nesterov's momentum takes.
    const T along_v = options.nesterov ? lr * momentum : lr, along_g = options.nesterov ? lr : T(0);
    update_elements(cpu, weight, mask, [=](int64_t i, bool kept) {
      const T decayed = g[i] + decay * w[i];
      const T gathered = momentum * v[i] + decayed;
      const T updated = w[i] - (along_g * decayed + along_v * gathered);
      v[i] = kept ? gathered : T(0);
      w[i] = kept ? updated : T(0);
    });
  });
}

}  // namespace tessera

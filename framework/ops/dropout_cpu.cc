#include "framework/ops/draws_cpu.h"
#include "framework/ops/dropout.h"
#include "framework/ops/elementwise_cpu.h"

namespace tessera {

void dropout_forward(Cpu& cpu, const Tensor& x, const Tensor& residual,
                     const DropoutOptions& options, Tensor& y) {
  dispatch_float("dropout", x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    const T* const added = residual.defined() ? residual.data<T>() : nullptr;
    T* const to = y.data<T>();
    const int64_t n = x.numel();
    const T scale = options.p < 1 ? static_cast<T>(1 / (1 - options.p)) : T(0);
    const float p = static_cast<float>(options.p);
    RandomKey key = options.key;
    if (options.step.defined()) key.step = static_cast<uint32_t>(*options.step.data<int32_t>());
    const auto chunks = [=, isa = cpu.isa()](int64_t begin, int64_t end) {
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        const auto draws = draw(isa, key, chunk * kDrawBlocks);
        const int64_t first = chunk * kDraws, count = std::min(kDraws, n - first);
        for (int64_t i = 0; i < count; ++i)
          to[first + i] = draws[static_cast<size_t>(i)] >= p ? from[first + i] * scale : T(0);
        if (added != nullptr)
          for (int64_t i = 0; i < count; ++i) to[first + i] = added[first + i] + to[first + i];
      }
    };
    cpu.parallel_for(
        (n + kDraws - 1) / kDraws, kElementwiseGrain / (4 * kDraws),
        [&](int64_t begin, int64_t end) { vectorized(cpu.isa(), [&] { chunks(begin, end); }); });
  });
}

}  // namespace tessera

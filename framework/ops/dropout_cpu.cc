#include "framework/ops/dropout.h"
#include "framework/ops/elementwise_cpu.h"

namespace tessera {

void dropout_forward(Cpu& cpu, const Tensor& x, const DropoutOptions& options, Tensor& y) {
  dispatch_float("dropout", x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    T* const to = y.data<T>();
    const int64_t n = x.numel();
    const T scale = options.p < 1 ? static_cast<T>(1 / (1 - options.p)) : T(0);
    const float p = static_cast<float>(options.p);
    const auto blocks = [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const auto words = options.key.block(static_cast<uint64_t>(block));
        const int64_t last = std::min<int64_t>(4, n - block * 4);
        for (int64_t j = 0; j < last; ++j) {
          const bool kept = uniform_from(words[static_cast<size_t>(j)]) >= p;
          to[block * 4 + j] = kept ? from[block * 4 + j] * scale : T(0);
        }
      }
    };
    cpu.parallel_for((n + 3) / 4, kElementwiseGrain / 16, [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] { blocks(begin, end); });
    });
  });
}

}  // namespace tessera

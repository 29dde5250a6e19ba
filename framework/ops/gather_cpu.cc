#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/gather.h"

namespace tessera {

void gather_forward(Cpu& cpu, const Tensor& x, const Tensor& index, Tensor& y) {
  const AxisView rows(x.shape(), 0);
  const int64_t D = rows.inner;
  dispatch_float("gather", y.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    const int64_t* const row = index.data<int64_t>();
    T* const to = y.data<T>();
    cpu.parallel_for(index.numel(), kElementwiseGrain / std::max<int64_t>(D, 1),
                     [&](int64_t begin, int64_t end) {
                       for (int64_t m = begin; m < end; ++m)
                         std::copy_n(from + row[m] * D, D, to + m * D);
                     });
  });
}

void gather_backward(Cpu& cpu, const Tensor& index, const Tensor& dy, Tensor& dx) {
  const int64_t D = AxisView(dx.shape(), 0).inner, M = index.numel();
  dispatch_float("gather", dx.dtype(), [&]<class T>() {
    const T* const from = dy.data<T>();
    const int64_t* const row = index.data<int64_t>();
    T* const to = dx.data<T>();
    cpu.parallel_for(dx.numel(), kElementwiseGrain,
                     [&](int64_t begin, int64_t end) { std::fill(to + begin, to + end, T(0)); });
    // Threads own columns: each row adds up in the order of the indices, whatever their number.
    cpu.parallel_for(D, kElementwiseGrain / std::max<int64_t>(M, 1) + 16,
                     [&](int64_t begin, int64_t end) {
                       vectorized(cpu.isa(), [&] {
                         for (int64_t m = 0; m < M; ++m) {
                           const T* const gradient = from + m * D;
                           T* const __restrict sum = to + row[m] * D;
                           for (int64_t d = begin; d < end; ++d) sum[d] += gradient[d];
                         }
                       });
                     });
  });
}

}  // namespace tessera

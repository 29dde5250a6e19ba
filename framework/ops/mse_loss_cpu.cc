#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/mse_loss.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void mse_loss_forward(Cpu& cpu, const Tensor& x, const Tensor& target, Tensor& y) {
  // Partial sums of fixed length: the result does not depend on the number of threads.
  const int64_t n = x.numel(), chunks = (n + kElementwiseGrain - 1) / kElementwiseGrain;
  std::vector<double> partial(static_cast<size_t>(chunks));
  dispatch_float("mse_loss", x.dtype(), [&]<class T>() {
    cpu.parallel_for(chunks, 1, [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] {
        for (int64_t chunk = begin; chunk < end; ++chunk) {
          const int64_t first = chunk * kElementwiseGrain;
          const T *const p = x.data<T>() + first, *const q = target.data<T>() + first;
          const T sum =
              vector_math::lane_sum<T>(std::min(kElementwiseGrain, n - first),
                                       [=](int64_t i) { return (p[i] - q[i]) * (p[i] - q[i]); });
          partial[static_cast<size_t>(chunk)] = static_cast<double>(sum);
        }
      });
    });
    double total = 0;
    for (double sum : partial) total += sum;
    *y.data<T>() = static_cast<T>(total / static_cast<double>(n));
  });
}

void mse_loss_backward(Cpu& cpu, const Tensor& x, const Tensor& target, const Tensor& dy,
                       Tensor& dx) {
  dispatch_float("mse_loss", x.dtype(), [&]<class T>() {
    const double share = 2 * dy.item() / static_cast<double>(x.numel());
    const auto scale = static_cast<T>(share);
    map_elements(
        "mse_loss", cpu,
        [scale](auto a, auto b) { return static_cast<decltype(a)>(scale) * (a - b); }, dx, x,
        target);
  });
}

}  // namespace tessera

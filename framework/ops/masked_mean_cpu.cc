#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/masked_mean.h"

namespace tessera {
namespace {

/// Rows [T, D] of a sequence below which one more thread costs more than it gives.
int64_t grain_of(int64_t T, int64_t D) {
  return kElementwiseGrain / std::max<int64_t>(T * D, 1) + 1;
}

}  // namespace

void masked_mean_forward(Cpu& cpu, const Tensor& x, const Tensor& lengths, Tensor& y) {
  const int64_t N = x.dim(0), T = x.dim(1), D = x.dim(2);
  const int64_t* const length = lengths.data<int64_t>();
  dispatch_float("masked_mean", x.dtype(), [&]<class V>() {
    const V* const from = x.data<V>();
    V* const to = y.data<V>();
    cpu.parallel_for(N, grain_of(T, D), [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] {
        for (int64_t n = begin; n < end; ++n) {
          V* const __restrict mean = to + n * D;
          for (int64_t d = 0; d < D; ++d) mean[d] = 0;
          for (int64_t t = 0; t < length[n]; ++t)
            for (int64_t d = 0; d < D; ++d) mean[d] += from[(n * T + t) * D + d];
          const V count = static_cast<V>(std::max<int64_t>(length[n], 1));
          for (int64_t d = 0; d < D; ++d) mean[d] /= count;
        }
      });
    });
  });
}

void masked_mean_backward(Cpu& cpu, const Tensor& dy, const Tensor& lengths, Tensor& dx) {
  const int64_t N = dx.dim(0), T = dx.dim(1), D = dx.dim(2);
  const int64_t* const length = lengths.data<int64_t>();
  dispatch_float("masked_mean", dy.dtype(), [&]<class V>() {
    const V* const from = dy.data<V>();
    V* const to = dx.data<V>();
    cpu.parallel_for(N, grain_of(T, D), [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] {
        for (int64_t n = begin; n < end; ++n)
          for (int64_t t = 0; t < T; ++t) {
            V* const __restrict row = to + (n * T + t) * D;
            const V share = t < length[n] ? V(1) / static_cast<V>(length[n]) : V(0);
            for (int64_t d = 0; d < D; ++d) row[d] = from[n * D + d] * share;
          }
      });
    });
  });
}

}  // namespace tessera

#include <limits>

#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/masked_mean.h"

namespace tessera {
namespace {

constexpr int kWarp = 32;

struct Sequences {
  const int64_t* length;
  int64_t N, T, D;

  __device__ bool fits(int64_t n) const { return length[n] >= 0 && length[n] <= T; }
  /// What each of its positions counts: NaN for a length that does not fit.
  template <class A>
  __device__ A share(int64_t n) const {
    if (!fits(n)) return std::numeric_limits<A>::quiet_NaN();
    return length[n] > 0 ? A(1) / static_cast<A>(length[n]) : A(0);
  }
};

/// A thread takes V columns of a sequence. REQUIRES: V divides D.
template <int V, class T>
__global__ void __launch_bounds__(kThreadsPerBlock)
    forward_kernel(Sequences sequences, const T* x, T* y) {
  using A = Accumulator<T>;
  const auto [begin, end, step] = grid_thread().groups(sequences.N * sequences.D, V);
  for (int64_t i = begin; i < end; i += step) {
    const int64_t n = i / sequences.D, d = i % sequences.D;
    const T* const first = x + n * sequences.T * sequences.D + d;
    const int64_t length = sequences.fits(n) ? sequences.length[n] : 0;
    const A share = sequences.share<A>(n);
    A sum[V] = {};
#pragma unroll 4
    for (int64_t t = 0; t < length; ++t) {
      const Pack<T, V> row = load_pack<V>(first + t * sequences.D);
      for (int v = 0; v < V; ++v) sum[v] += static_cast<A>(row.values[v]);
    }
    Pack<T, V> mean;
    for (int v = 0; v < V; ++v) mean.values[v] = static_cast<T>(sum[v] * share);
    store_pack(y + i, mean);
  }
}

/// A warp takes a position. REQUIRES: V divides D.
template <int V, class T>
__global__ void __launch_bounds__(kThreadsPerBlock)
    backward_kernel(Sequences sequences, const T* dy, T* dx) {
  using A = Accumulator<T>;
  const GridThread self = grid_thread();
  const auto [begin, end, step] = self.lines(sequences.N * sequences.T, kWarp);
  const auto [first, last, stride] = self.elements(sequences.D, kWarp, V);
  for (int64_t row = begin; row < end; row += step) {
    const int64_t n = row / sequences.T, t = row % sequences.T;
    const bool counts = !sequences.fits(n) || t < sequences.length[n];
    const A share = counts ? sequences.share<A>(n) : A(0);
    for (int64_t d = first; d < last; d += stride)
      store_mapped(
          dx + row * sequences.D + d, [=](A grad) { return grad * share; },
          load_pack<V>(dy + n * sequences.D + d));
  }
}

}  // namespace

void masked_mean_forward(Cuda& cuda, const Tensor& x, const Tensor& lengths, Tensor& y) {
  const Sequences sequences{device_data<int64_t>(lengths), x.dim(0), x.dim(1), x.dim(2)};
  dispatch_cuda_float("masked_mean", x.dtype(), [&]<class T>() {
    constexpr int V = kPackWidth<T>;
    const bool fits = sequences.D % V == 0;
    cuda.launch_elements("masked_mean", fits ? forward_kernel<V, T> : forward_kernel<1, T>,
                         groups_of(y.numel(), fits ? V : 1), sequences, device_data<T>(x),
                         device_data<T>(y));
  });
}

void masked_mean_backward(Cuda& cuda, const Tensor& dy, const Tensor& lengths, Tensor& dx) {
  const Sequences sequences{device_data<int64_t>(lengths), dx.dim(0), dx.dim(1), dx.dim(2)};
  dispatch_cuda_float("masked_mean", dy.dtype(), [&]<class T>() {
    constexpr int V = kPackWidth<T>;
    const bool fits = sequences.D % V == 0;
    cuda.launch_elements("masked_mean", fits ? backward_kernel<V, T> : backward_kernel<1, T>,
                         sequences.N * sequences.T * kWarp, sequences, device_data<T>(dy),
                         device_data<T>(dx));
  });
}

}  // namespace tessera

#include "framework/ops/dropout.h"
#include "framework/ops/elementwise_cuda.h"

namespace tessera {
namespace {

// Elements of a thread: 16 bytes of a half type. Two blocks of Philox, four numbers each.
constexpr int kDraws = 8;

template <class T>
struct Dropout {
  const T *x, *residual;  ///< residual may be null
  T* y;
  RandomKey key;
  const int32_t* step;  ///< in place of key.step; may be null
  float p;
  Accumulator<T> scale;

  /// Elements [first, first + kDraws), those below n; `first` is a multiple of kDraws.
  __device__ void apply(const RandomKey& key, int64_t first, int64_t n) const {
    float draws[kDraws];
#pragma unroll
    for (int block = 0; block < kDraws / 4; ++block) {
      const auto words = key.block(static_cast<uint64_t>(first / 4 + block));
#pragma unroll
      for (int i = 0; i < 4; ++i) draws[4 * block + i] = uniform_from(words[i]);
    }
    constexpr int V = kPackWidth<T>;
    if (first + kDraws <= n) {
#pragma unroll
      for (int i = 0; i < kDraws; i += V) {
        const Pack<T, V> in = load_pack<V>(x + first + i);
        Pack<T, V> added = {}, out;
        if (residual != nullptr) added = load_pack<V>(residual + first + i);
#pragma unroll
        for (int j = 0; j < V; ++j)
          out.values[j] = dropped(in.values[j], draws[i + j], added.values[j]);
        store_pack(y + first + i, out);
      }
      return;
    }
#pragma unroll
    for (int i = 0; i < kDraws; ++i)
      if (first + i < n)
        y[first + i] =
            dropped(x[first + i], draws[i], residual != nullptr ? residual[first + i] : T(0.0f));
  }

  __device__ T dropped(T value, float draw, T added) const {
    using A = Accumulator<T>;
    const A kept = draw >= p ? static_cast<A>(value) * scale : A(0);
    return static_cast<T>(static_cast<A>(added) + kept);
  }
};

template <class T>
__global__ void __launch_bounds__(kThreadsPerBlock) dropout_kernel(Dropout<T> dropout, int64_t n) {
  RandomKey key = dropout.key;
  if (dropout.step != nullptr) key.step = static_cast<uint32_t>(*dropout.step);
  const auto [begin, end, step] = grid_thread().groups(n, kDraws);
  for (int64_t i = begin; i < end; i += step) dropout.apply(key, i, n);
}

}  // namespace

void dropout_forward(Cuda& cuda, const Tensor& x, const Tensor& residual,
                     const DropoutOptions& options, Tensor& y) {
  dispatch_cuda_float("dropout", x.dtype(), [&]<class T>() {
    const double scale = options.p < 1 ? 1 / (1 - options.p) : 0;
    const Dropout<T> dropout{device_data<T>(x),
                             residual.defined() ? device_data<T>(residual) : nullptr,
                             device_data<T>(y),
                             options.key,
                             options.step.defined() ? device_data<int32_t>(options.step) : nullptr,
                             static_cast<float>(options.p),
                             static_cast<Accumulator<T>>(scale)};
    cuda.launch_elements("dropout", dropout_kernel<T>, groups_of(x.numel(), kDraws), dropout,
                         x.numel());
  });
}

}  // namespace tessera

#include "framework/ops/mse_loss.h"
#include "framework/ops/rows_cuda.h"

namespace tessera {
namespace {

constexpr int kMeanThreads = 1024;
// Partial sums: one for each block of the first pass, as many as two rounds of the second one read.
constexpr int64_t kMaxPartialSums = 2 * kMeanThreads;

template <class T>
__global__ void __launch_bounds__(kThreadsPerBlock)
    partial_sums(int64_t n, const T* x, const T* target, Accumulator<T>* partial) {
  using A = Accumulator<T>;
  constexpr int V = kPackWidth<T>;
  A total = 0;
  const auto add = [&](int, A a, A b) { total += (a - b) * (a - b); };
  const auto [begin, end, step] = grid_thread().groups(n, V);
  for (int64_t i = begin; i < end; i += step) {
    if (i + V <= n)
      for_packs(add, load_pack<V>(x + i), load_pack<V>(target + i));
    else
      for (int64_t j = i; j < n; ++j) for_packs(add, load_pack<1>(x + j), load_pack<1>(target + j));
  }
  total = sum_team<kThreadsPerBlock>(total);
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

/// One block. y = the sum of `count` partial sums / n.
template <class A>
__global__ void __launch_bounds__(kMeanThreads)
    mean_kernel(int64_t count, const A* partial, int64_t n, A* y) {
  A total = 0;
  for (int64_t i = threadIdx.x; i < count; i += kMeanThreads) total += partial[i];
  total = sum_team<kMeanThreads>(total);
  if (threadIdx.x == 0) *y = total / static_cast<A>(n);
}

template <class A>
struct Gradient {
  const A* dy;
  A factor;  ///< 2 / n

  template <class B>
  __device__ B operator()(B x, B target) const {
    return static_cast<B>(factor * *dy) * (x - target);
  }
};

}  // namespace

void mse_loss_forward(Cuda& cuda, const Tensor& x, const Tensor& target, Tensor& y) {
  dispatch_cuda_float("mse_loss", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const int64_t n = x.numel(), threads = groups_of(n, kPackWidth<T>);
    const int64_t blocks = std::min(groups_of(threads, kThreadsPerBlock), kMaxPartialSums);
    Tensor partial = Tensor::empty({blocks}, y.options());
    cuda.launch("mse_loss", partial_sums<T>, dim3(static_cast<unsigned>(blocks)),
                dim3(kThreadsPerBlock), 0, n, device_data<T>(x), device_data<T>(target),
                device_data<A>(partial));
    cuda.launch("mse_loss", mean_kernel<A>, dim3(1), dim3(kMeanThreads), 0, blocks,
                device_data<A>(partial), n, device_data<A>(y));
  });
}

void mse_loss_backward(Cuda& cuda, const Tensor& x, const Tensor& target, const Tensor& dy,
                       Tensor& dx) {
  const double factor = 2 / static_cast<double>(x.numel());
  if (dy.dtype() == DType::f64)
    return map_elements("mse_loss", cuda, Gradient<double>{device_data<double>(dy), factor}, dx, x,
                        target);
  map_elements("mse_loss", cuda,
               Gradient<float>{device_data<float>(dy), static_cast<float>(factor)}, dx, x, target);
}

}  // namespace tessera

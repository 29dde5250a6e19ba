#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/padding.h"

namespace tessera {
namespace {

template <class T>
__global__ void __launch_bounds__(kThreadsPerBlock)
    by_length_kernel(int64_t n, int64_t tokens, const int64_t* lengths, T inside, T beyond, T* y) {
  const auto [begin, end, step] = grid_thread().groups(n, 1);
  for (int64_t i = begin; i < end; i += step)
    y[i] = i % tokens < lengths[i / tokens] ? inside : beyond;
}

}  // namespace

void fill_by_length(Cuda& cuda, const Tensor& lengths, float inside, float beyond, Tensor& y) {
  dispatch_cuda_float("padding", y.dtype(), [&]<class T>() {
    cuda.launch_elements("padding", by_length_kernel<T>, y.numel(), y.numel(), y.dim(2),
                         device_data<int64_t>(lengths), static_cast<T>(inside),
                         static_cast<T>(beyond), device_data<T>(y));
  });
}

}  // namespace tessera

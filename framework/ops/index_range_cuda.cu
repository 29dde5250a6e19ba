#include "framework/ops/index_range.h"
#include "framework/ops/rows_cuda.h"

namespace tessera {
namespace {

constexpr int kThreads = 1024;

/// One block: the first place out of range is found whatever the order of the threads.
__global__ void __launch_bounds__(kThreads)
    check_kernel(const int64_t* index, int64_t n, IndexRange range, KernelError* error) {
  int64_t wrong = n;
  for (int64_t i = threadIdx.x; i < n && wrong == n; i += kThreads)
    if (index[i] < 0 || index[i] >= range.end) wrong = i;
  wrong = reduce_team<kThreads>(wrong, [](int64_t a, int64_t b) { return a < b ? a : b; });
  if (threadIdx.x != 0 || wrong == n || error->describe != nullptr) return;
  error->values = {index[wrong], wrong, range.end, range.extent};
  error->describe = range.describe;
}

}  // namespace

void check_indices(Cuda& cuda, const Tensor& index, const IndexRange& range) {
  cuda.launch("check_indices", check_kernel, dim3(index.numel() > 0), dim3(kThreads), 0,
              device_data<int64_t>(index), index.numel(), range,
              kernel_error(index.device().index));
}

}  // namespace tessera

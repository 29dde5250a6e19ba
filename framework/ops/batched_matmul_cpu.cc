#include "framework/ops/batched_matmul.h"

namespace tessera {

void batched_matmul_forward(Cpu& cpu, const Tensor& a, const Tensor& b, MatmulOptions options,
                            Tensor& y) {
  if (y.numel() == 0) return;
  if (a.numel() == 0) return y.fill(0);
  const MatrixExtents extents{y.dim(1), y.dim(2), a.dim(options.transpose_a ? 1 : 2)};
  const auto& [M, N, K] = extents;
  dispatch_float("batched_matmul", y.dtype(), [&]<class T>() {
    const auto matrices = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        matrix_product("batched_matmul", extents, options, a.data<T>() + i * M * K,
                       b.data<T>() + i * K * N, y.data<T>() + i * M * N);
    };
    // A few products are left to the library's threads, one after the other.
    if (y.dim(0) < cpu.threads()) return matrices(0, y.dim(0));
    constexpr int64_t kGrain = 1 << 18;  // multiply-adds: some tens of microseconds
    cpu.parallel_for(y.dim(0), kGrain / (M * N * K) + 1, matrices);
  });
}

}  // namespace tessera

#include "framework/backend/cublaslt.h"
#include "framework/ops/batched_matmul.h"

namespace tessera {

void batched_matmul_forward(Cuda& cuda, const Tensor& a, const Tensor& b, MatmulOptions options,
                            Tensor& y) {
  require(is_floating(a.dtype()),
          "[batched_matmul] dtype must be f32, f64, bf16 or f16 on a CUDA device; got ", a.dtype(),
          ".");
  if (a.numel() == 0) return y.fill(0);
  cublaslt_product(cuda, "batched_matmul", a, b, {}, {options.transpose_a, options.transpose_b}, y);
}

}  // namespace tessera

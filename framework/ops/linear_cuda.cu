#include "framework/backend/cublaslt.h"
#include "framework/ops/columns_cuda.h"
#include "framework/ops/linear.h"

namespace tessera {

void linear_forward(Cuda& cuda, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const LinearOptions& options, Tensor& y) {
  require(is_floating(x.dtype()),
          "[linear] dtype must be f32, f64, bf16 or f16 on a CUDA device; got ", x.dtype(), ".");
  const bool fused = x.numel() > 0 && x.dtype() != DType::f64;
  if (x.numel() == 0)
    y.fill(0);
  else
    cublaslt_product(cuda, "linear", x, weight, fused ? bias : Tensor{},
                     {.transpose_b = true, .relu = fused && options.relu}, y);
  if (!fused && (bias.defined() || options.relu))
    finish_columns(cuda, "linear", {.shift = bias, .residual = {}, .relu = options.relu}, y.dim(0),
                   y);
}

void bias_backward(Cuda& cuda, const Tensor& dy, Tensor& dbias) {
  sum_columns(cuda, "linear", dy, dy.dim(0), dbias);
}

}  // namespace tessera

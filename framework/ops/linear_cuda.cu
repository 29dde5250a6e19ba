#include "framework/backend/cublaslt.h"
#include "framework/ops/columns_cuda.h"
#include "framework/ops/linear.h"
#include "framework/ops/matmul.h"

namespace tessera {
namespace {

// The library has its fast kernels where rows of a matrix begin at multiples of 16 bytes: 8 halves.
constexpr int64_t kAlignment = 8;
// Elements from which on the copy to such rows costs less: a vocabulary's logits, no class's.
constexpr int64_t kWorthCopying = 1 << 20;

/// A block for each row: the first `columns` of each.
__global__ void __launch_bounds__(kThreadsPerBlock)
    copy_columns_kernel(int64_t columns, const uint16_t* from, int64_t from_pitch, uint16_t* to,
                        int64_t to_pitch) {
  from += blockIdx.x * from_pitch;
  to += blockIdx.x * to_pitch;
#pragma unroll 8
  for (int64_t c = threadIdx.x; c < columns; c += kThreadsPerBlock) to[c] = from[c];
}

/// The columns that two matrices of halves both have.
void copy_columns(const Cuda& cuda, const Tensor& from, Tensor& to) {
  cuda.launch("linear", copy_columns_kernel, dim3(static_cast<unsigned>(from.dim(0))),
              dim3(kThreadsPerBlock), 0, std::min(from.dim(1), to.dim(1)),
              device_data<uint16_t>(from), from.dim(1), device_data<uint16_t>(to), to.dim(1));
}

/// Room for y [M, out] with aligned rows where y has none; else undefined.
Tensor aligned_rows(const Tensor& y) {
  const bool is_half = size_of(y.dtype()) == 2;
  if (!is_half || y.dim(1) % kAlignment == 0 || y.numel() < kWorthCopying) return {};
  return Tensor::empty({y.dim(0), (y.dim(1) / kAlignment + 1) * kAlignment}, y.options());
}

}  // namespace

void linear_forward(Cuda& cuda, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const LinearOptions& options, Tensor& y) {
  require(is_floating(x.dtype()),
          "[linear] dtype must be f32, f64, bf16 or f16 on a CUDA device; got ", x.dtype(), ".");
  const bool fused = x.numel() > 0 && x.dtype() != DType::f64;
  if (x.numel() == 0) {
    y.fill(0);
  } else {
    Tensor aligned = aligned_rows(y);
    cublaslt_product(cuda, "linear", x, weight, fused ? bias : Tensor{},
                     {.transpose_b = true, .relu = fused && options.relu},
                     aligned.defined() ? aligned : y);
    if (aligned.defined()) copy_columns(cuda, aligned, y);
  }
  if (!fused && (bias.defined() || options.relu))
    finish_columns(cuda, "linear", {.shift = bias, .residual = {}, .relu = options.relu}, y.dim(0),
                   y);
}

void linear_backward(Cuda& cuda, const Tensor& dy, const Tensor& x, const Tensor& weight,
                     LinearGradients& out) {
  Tensor d = aligned_rows(dy);
  if (d.defined())
    copy_columns(cuda, dy, d);
  else
    d = dy;
  if (out.dx.defined()) matmul_forward(cuda, d, weight, {}, out.dx);
  const auto parameters = [&] {
    if (out.dbias.defined()) sum_columns(cuda, "linear", dy, dy.dim(0), out.dbias);
    if (out.dweight.defined()) matmul_forward(cuda, d, x, {.transpose_a = true}, out.dweight);
  };
  const bool are_both = out.dbias.defined() && out.dweight.defined();
  if (are_both && size_of(dy.dtype()) == 2 && out.dweight.dtype() == DType::f32)
    cublaslt_product_and_sums(cuda, "linear", d, x, out.dweight, out.dbias, parameters);
  else
    parameters();
}

}  // namespace tessera

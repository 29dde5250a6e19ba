#include "framework/backend/vectorized.h"
#include "framework/ops/linear.h"
#include "framework/ops/linear_bf16.h"
#include "framework/ops/matmul.h"
#include "framework/ops/matmul_bf16.h"
#include "framework/ops/relu.h"

namespace tessera {

void bias_backward(Cpu& cpu, const Tensor& dy, Tensor& dbias) {
  const int64_t M = dy.dim(0), N = dy.dim(1);
  dispatch_float("linear", dy.dtype(), [&]<class T>() {
    const T* const in = dy.data<T>();
    T* const out = dbias.data<T>();
    // Threads own columns: no partial sums, so any number of threads adds in the same order.
    cpu.parallel_for(N, 16384 / std::max<int64_t>(M, 1) + 16, [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [=] {
        for (int64_t n = begin; n < end; ++n) out[n] = 0;
        for (int64_t m = 0; m < M; ++m)
          for (int64_t n = begin; n < end; ++n) out[n] += in[m * N + n];
      });
    });
  });
}

void add_bias(Cpu& cpu, const Tensor& bias, Tensor& y) {
  const int64_t M = y.dim(0), N = y.dim(1);
  dispatch_float("linear", y.dtype(), [&]<class T>() {
    T* const out = y.data<T>();
    const T* const b = bias.data<T>();
    cpu.parallel_for(M, 16384 / std::max<int64_t>(N, 1) + 1, [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [=] {
        for (int64_t m = begin; m < end; ++m)
          for (int64_t n = 0; n < N; ++n) out[m * N + n] += b[n];
      });
    });
  });
}

void linear_forward(Cpu& cpu, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const LinearOptions& options, Tensor& y) {
  constexpr MatmulOptions kOptions{.transpose_b = true};
  if (cpu.bf16_products() && y.dtype() == DType::f32 && y.numel() > 0 && x.numel() > 0) {
    bf16_matrix_product({y.dim(0), y.dim(1), x.dim(1)}, kOptions, x.data<float>(),
                        weight.data<float>(), bias.defined() ? bias.data<float>() : nullptr,
                        y.data<float>());
  } else {
    matmul_forward(cpu, x, weight, kOptions, y);
    if (bias.defined()) add_bias(cpu, bias, y);
  }
  if (options.relu) relu_forward(cpu, y, y);
}

void linear_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, const Tensor& weight,
                     LinearGradients& out) {
  if (cpu.bf16_products() && bf16_linear_backward_takes(cpu, dy, out))
    return bf16_linear_backward(cpu, dy, x, weight, out);
  if (out.dx.defined()) matmul_forward(cpu, dy, weight, {}, out.dx);
  if (out.dweight.defined()) matmul_forward(cpu, dy, x, {.transpose_a = true}, out.dweight);
  if (out.dbias.defined()) bias_backward(cpu, dy, out.dbias);
}

}  // namespace tessera

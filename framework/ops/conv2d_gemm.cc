#include "framework/ops/conv2d_gemm.h"

#include <algorithm>

#include "framework/backend/onednn.h"
#include "framework/backend/vectorized.h"
#include "framework/ops/linear.h"

namespace tessera {
namespace {

// Of the im2col matrix of a block of images: it stays in a core's share of the last-level cache.
constexpr int64_t kBlockBytes = 4 << 20;
// Elements below which one more thread costs more than it gives.
constexpr int64_t kGrain = 16384;

/// A matrix as sgemm reads it: row-major, with the floats between two rows.
struct Operand {
  const float* data;
  int64_t stride;
  bool transposed = false;
};

/// c[m, n] = a[m, k] b[k, n], or c += where `add`.
void product(int64_t m, int64_t n, int64_t k, const Operand& a, const Operand& b, float* c,
             bool add = false) {
  onednn_engine();  // sgemm() takes none, but the limit on instruction sets comes with it
  const auto status = dnnl::sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0f,
                                  a.data, a.stride, b.data, b.stride, add ? 1.0f : 0.0f, c, n);
  require_runtime(status == dnnl::status::success, "[conv2d] oneDNN's sgemm must succeed for ", m,
                  " x ", n, " x ", k, "; got status ", static_cast<int>(status), ".");
}

/// N images of H x W x C become P x Q x O.
struct Geometry {
  Geometry(const Shape& x, const Shape& weight, const Shape& y, const Conv2dOptions& o)
      : N(x[0]),
        C(x[1]),
        H(x[2]),
        W(x[3]),
        O(y[1]),
        P(y[2]),
        Q(y[3]),
        R(weight[2]),
        S(weight[3]),
        options(o) {}

  int64_t N, C, H, W, O, P, Q, R, S;
  Conv2dOptions options;

  int64_t taps() const { return R * S; }
  int64_t depth() const { return taps() * C; }
  int64_t block() const {
    const int64_t image = P * Q * depth() * static_cast<int64_t>(sizeof(float));
    return std::clamp<int64_t>(kBlockBytes / image, 1, N);
  }
  /// Calls f(tap, position in the image) for the taps of output (p, q); -1: outside.
  template <class F>
  void each_tap(int64_t p, int64_t q, F&& f) const {
    for (int64_t r = 0; r < R; ++r)
      for (int64_t s = 0; s < S; ++s) {
        const int64_t h = p * options.stride[0] - options.padding[0] + r * options.dilation[0];
        const int64_t w = q * options.stride[1] - options.padding[1] + s * options.dilation[1];
        f(r * S + s, h >= 0 && h < H && w >= 0 && w < W ? h * W + w : -1);
      }
  }
  /// Calls f(first image, rows of its im2col matrix) for each block.
  template <class F>
  void each_block(F&& f) const {
    for (int64_t n = 0; n < N; n += block()) f(n, std::min(block(), N - n) * P * Q);
  }
};

/// rows[(n, p, q), (r, s, c)] = the values of `images` under the kernel at (p, q), 0 outside.
void im2col(const Cpu& cpu, const Geometry& g, const float* images, int64_t rows, float* out) {
  cpu.parallel_for(rows, kGrain / g.depth() + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* const image = images + i / (g.P * g.Q) * g.H * g.W * g.C;
      float* const row = out + i * g.depth();
      g.each_tap(i / g.Q % g.P, i % g.Q, [&](int64_t tap, int64_t position) {
        if (position < 0)
          std::fill_n(row + tap * g.C, g.C, 0.0f);
        else
          std::copy_n(image + position * g.C, g.C, row + tap * g.C);
      });
    }
  });
}

/// [O, C, R, S] as [O, (r, s, c)], the order of im2col's columns.
Tensor channels_last(const Cpu& cpu, const Geometry& g, const float* weight) {
  Tensor out = Tensor::empty({g.O, g.depth()});
  float* const to = out.data<float>();
  cpu.parallel_for(g.O, kGrain / g.depth() + 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      for (int64_t k = 0; k < g.taps(); ++k)
        for (int64_t c = 0; c < g.C; ++c)
          to[o * g.depth() + k * g.C + c] = weight[(o * g.C + c) * g.taps() + k];
  });
  return out;
}

}  // namespace

bool suits_gemm(const Cpu& cpu, const Tensor& x, const Tensor& weight,
                const Conv2dOptions& options) {
  return cpu.isa() == CpuIsa::avx2 && options.groups == 1 && x.dim(1) % 16 == 0 &&
         weight.dim(0) % 16 == 0 && weight.dim(2) * weight.dim(3) > 1;
}

void gemm_conv2d_forward(Cpu& cpu, const Tensor& x, const Tensor& weight, const Tensor& bias,
                         const Conv2dOptions& options, Tensor& y) {
  const Geometry g(x.shape(), weight.shape(), y.shape(), options);
  const Tensor filters = channels_last(cpu, g, weight.data<float>());
  Tensor columns = Tensor::empty({g.block() * g.P * g.Q, g.depth()});
  g.each_block([&](int64_t first, int64_t rows) {
    im2col(cpu, g, x.data<float>() + first * g.H * g.W * g.C, rows, columns.data<float>());
    product(rows, g.O, g.depth(), {columns.data<float>(), g.depth()},
            {filters.data<float>(), g.depth(), true}, y.data<float>() + first * g.P * g.Q * g.O);
  });
  Tensor matrix = y.alias({g.N * g.P * g.Q, g.O});
  if (bias.defined()) add_bias(cpu, bias, matrix);
}

void gemm_conv2d_backward_weight(Cpu& cpu, const Tensor& x, const Tensor& dy,
                                 const Conv2dOptions& options, Tensor& dweight, Tensor& dbias) {
  const Geometry g(x.shape(), dweight.shape(), dy.shape(), options);
  Tensor columns = Tensor::empty({g.block() * g.P * g.Q, g.depth()});
  Tensor filters = Tensor::empty({g.O, g.depth()});
  g.each_block([&](int64_t first, int64_t rows) {
    im2col(cpu, g, x.data<float>() + first * g.H * g.W * g.C, rows, columns.data<float>());
    product(g.O, g.depth(), rows, {dy.data<float>() + first * g.P * g.Q * g.O, g.O, true},
            {columns.data<float>(), g.depth()}, filters.data<float>(), first > 0);
  });
  float* const to = dweight.data<float>();
  const float* const from = filters.data<float>();
  cpu.parallel_for(g.O, kGrain / g.depth() + 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      for (int64_t c = 0; c < g.C; ++c)
        for (int64_t k = 0; k < g.taps(); ++k)
          to[(o * g.C + c) * g.taps() + k] = from[o * g.depth() + k * g.C + c];
  });
  if (dbias.defined()) bias_backward(cpu, dy.alias({g.N * g.P * g.Q, g.O}), dbias);
}

}  // namespace tessera

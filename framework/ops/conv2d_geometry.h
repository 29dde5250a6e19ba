// The extents of a convolution, and where its elements lie. Activations are nhwc; on a CUDA device
// filters are kept as [out][R][S][in/groups] ("KRSC"), the order that tensor cores read, which is
// a weight [out, in/groups, R, S] under Layout::nhwc. Plain arithmetic: kernels of every backend
// and tests on the host run the same functions.
#pragma once

#include "framework/ops/conv2d.h"

namespace tessera {

/// N images of H x W x C become P x Q x O; C and O count all groups.
struct Conv2dGeometry {
  Conv2dGeometry(const Shape& x, const Shape& weight, const Shape& y, const Conv2dOptions& o)
      : N(x[0]),
        C(x[1]),
        H(x[2]),
        W(x[3]),
        O(y[1]),
        P(y[2]),
        Q(y[3]),
        R(weight[2]),
        S(weight[3]),
        Cg(C / o.groups),
        Og(O / o.groups),
        options(o) {}

  int64_t N, C, H, W, O, P, Q, R, S, Cg, Og;
  Conv2dOptions options;

  /// The row (axis 0) or column (axis 1) of x under tap `k` of the kernel at output `p`.
  constexpr int64_t input_at(size_t axis, int64_t p, int64_t k) const {
    return p * options.stride[axis] - options.padding[axis] + k * options.dilation[axis];
  }
  /// The output whose tap `k` lies on row or column `h` of x, or -1 where there is none.
  constexpr int64_t output_at(size_t axis, int64_t h, int64_t k) const {
    const int64_t from = h + options.padding[axis] - k * options.dilation[axis];
    if (from < 0 || from % options.stride[axis] != 0) return -1;
    const int64_t p = from / options.stride[axis];
    return p < (axis == 0 ? P : Q) ? p : -1;
  }
  constexpr bool inside(int64_t h, int64_t w) const { return h >= 0 && h < H && w >= 0 && w < W; }
};

/// Where element i of a KRSC filter stands in the row-major weight.
constexpr int64_t row_major_from_krsc(int64_t i, int64_t Cg, int64_t taps) {
  const int64_t c = i % Cg, tap = i / Cg % taps, o = i / Cg / taps;
  return (o * Cg + c) * taps + tap;
}

/// y[i], without bias. A: the type of the sum.
template <class A, class T>
constexpr A conv2d_output(const Conv2dGeometry& g, const T* x, const T* filters, int64_t i) {
  const int64_t o = i % g.O, q = i / g.O % g.Q, p = i / g.O / g.Q % g.P, n = i / g.O / g.Q / g.P;
  A sum = 0;
  for (int64_t r = 0; r < g.R; ++r)
    for (int64_t s = 0; s < g.S; ++s) {
      const int64_t h = g.input_at(0, p, r), w = g.input_at(1, q, s);
      if (!g.inside(h, w)) continue;
      const T* const pixel = x + ((n * g.H + h) * g.W + w) * g.C + o / g.Og * g.Cg;
      const T* const taps = filters + ((o * g.R + r) * g.S + s) * g.Cg;
      for (int64_t c = 0; c < g.Cg; ++c) sum += static_cast<A>(pixel[c]) * static_cast<A>(taps[c]);
    }
  return sum;
}

/// dx[i].
template <class A, class T>
constexpr A conv2d_input_gradient(const Conv2dGeometry& g, const T* dy, const T* filters,
                                  int64_t i) {
  const int64_t c = i % g.C, w = i / g.C % g.W, h = i / g.C / g.W % g.H, n = i / g.C / g.W / g.H;
  const int64_t first = c / g.Cg * g.Og;
  A sum = 0;
  for (int64_t r = 0; r < g.R; ++r)
    for (int64_t s = 0; s < g.S; ++s) {
      const int64_t p = g.output_at(0, h, r), q = g.output_at(1, w, s);
      if (p < 0 || q < 0) continue;
      const T* const pixel = dy + ((n * g.P + p) * g.Q + q) * g.O;
      for (int64_t o = first; o < first + g.Og; ++o)
        sum += static_cast<A>(pixel[o]) *
               static_cast<A>(filters[((o * g.R + r) * g.S + s) * g.Cg + c % g.Cg]);
    }
  return sum;
}

/// The part of dfilters[i] (KRSC) that the output pixels first, first + step, ... give.
template <class A, class T>
constexpr A conv2d_weight_gradient(const Conv2dGeometry& g, const T* x, const T* dy, int64_t i,
                                   int64_t first, int64_t step) {
  const int64_t c = i % g.Cg, s = i / g.Cg % g.S, r = i / g.Cg / g.S % g.R;
  const int64_t o = i / g.Cg / g.S / g.R;
  A sum = 0;
  for (int64_t pixel = first; pixel < g.N * g.P * g.Q; pixel += step) {
    const int64_t q = pixel % g.Q, p = pixel / g.Q % g.P, n = pixel / g.Q / g.P;
    const int64_t h = g.input_at(0, p, r), w = g.input_at(1, q, s);
    if (!g.inside(h, w)) continue;
    sum += static_cast<A>(dy[pixel * g.O + o]) *
           static_cast<A>(x[((n * g.H + h) * g.W + w) * g.C + o / g.Og * g.Cg + c]);
  }
  return sum;
}

}  // namespace tessera

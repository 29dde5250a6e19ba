// f64, and f32 in builds without oneDNN: each image as its im2col matrix [P*Q, R*S*C], one group
// after the other, and Eigen's product with the weights as [R*S*C, out].
#include <Eigen/Core>
#include <cstring>

#include "framework/ops/conv2d_geometry.h"
#ifdef TESSERA_ONEDNN
#include "framework/ops/conv2d_gemm.h"
#include "framework/ops/conv2d_onednn.h"
#endif

namespace tessera {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Columns = Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>>;  // some columns of a wider matrix

struct Geometry : Conv2dGeometry {
  using Conv2dGeometry::Conv2dGeometry;

  int64_t depth() const { return R * S * Cg; }
  /// Calls f(position of the column block in its row, pixel of x) where the pixel lies in x.
  template <class F>
  void each_tap(int64_t p, int64_t q, F&& f) const {
    for (int64_t r = 0; r < R; ++r)
      for (int64_t s = 0; s < S; ++s) {
        const int64_t h = input_at(0, p, r), w = input_at(1, q, s);
        f((r * S + s) * Cg, inside(h, w) ? h * W + w : -1);
      }
  }
};

/// rows[p*Q + q, (r, s, c)] = the image's values under the kernel at (p, q), 0 outside.
template <class T>
void im2col(const Geometry& g, const T* image, int64_t group, Matrix<T>& rows) {
  for (int64_t p = 0; p < g.P; ++p)
    for (int64_t q = 0; q < g.Q; ++q) {
      T* const row = rows.data() + (p * g.Q + q) * g.depth();
      g.each_tap(p, q, [&](int64_t at, int64_t pixel) {
        if (pixel < 0)
          std::fill_n(row + at, g.Cg, T(0));
        else
          std::copy_n(image + pixel * g.C + group * g.Cg, g.Cg, row + at);
      });
    }
}

/// The adjoint of im2col: adds every row to the image's values it was read from.
template <class T>
void col2im(const Geometry& g, const Matrix<T>& rows, int64_t group, T* image) {
  for (int64_t p = 0; p < g.P; ++p)
    for (int64_t q = 0; q < g.Q; ++q) {
      const T* const row = rows.data() + (p * g.Q + q) * g.depth();
      g.each_tap(p, q, [&](int64_t at, int64_t pixel) {
        if (pixel < 0) return;
        T* const to = image + pixel * g.C + group * g.Cg;
        for (int64_t c = 0; c < g.Cg; ++c) to[c] += row[at + c];
      });
    }
}

/// The columns of a group in an image's outputs [P*Q, O].
template <class T>
Columns<T> outputs_of(const Geometry& g, T* y, int64_t image, int64_t group) {
  return {y + image * g.P * g.Q * g.O + group * g.Og, g.P * g.Q, g.Og, Eigen::OuterStride<>(g.O)};
}

/// [O, Cg, R, S] as [O, (r, s, c)], the order of im2col's columns.
template <class T>
Matrix<T> channels_last(const Geometry& g, const T* weight) {
  Matrix<T> out(g.O, g.depth());
  for (int64_t o = 0; o < g.O; ++o)
    for (int64_t c = 0; c < g.Cg; ++c)
      for (int64_t k = 0; k < g.R * g.S; ++k)
        out(o, k * g.Cg + c) = weight[(o * g.Cg + c) * g.R * g.S + k];
  return out;
}

template <class T>
void forward(const Cpu& cpu, const Geometry& g, const T* x, const T* weight, const T* bias, T* y) {
  const Matrix<T> filters = channels_last(g, weight);
  cpu.parallel_for(g.N, 1, [&](int64_t begin, int64_t end) {
    Matrix<T> rows(g.P * g.Q, g.depth());
    for (int64_t n = begin; n < end; ++n)
      for (int64_t group = 0; group < g.options.groups; ++group) {
        im2col(g, x + n * g.H * g.W * g.C, group, rows);
        auto out = outputs_of(g, y, n, group);
        out.noalias() = rows * filters.middleRows(group * g.Og, g.Og).transpose();
        if (bias == nullptr) continue;
        out.rowwise() +=
            Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>>(bias + group * g.Og, g.Og);
      }
  });
}

template <class T>
void backward_input(const Cpu& cpu, const Geometry& g, const T* dy, const T* weight, T* dx) {
  const Matrix<T> filters = channels_last(g, weight);
  cpu.parallel_for(g.N, 1, [&](int64_t begin, int64_t end) {
    Matrix<T> rows(g.P * g.Q, g.depth());
    std::fill(dx + begin * g.H * g.W * g.C, dx + end * g.H * g.W * g.C, T(0));
    for (int64_t n = begin; n < end; ++n)
      for (int64_t group = 0; group < g.options.groups; ++group) {
        const auto out = outputs_of(g, const_cast<T*>(dy), n, group);
        rows.noalias() = out * filters.middleRows(group * g.Og, g.Og);
        col2im(g, rows, group, dx + n * g.H * g.W * g.C);
      }
  });
}

template <class T>
void backward_weight(const Cpu& cpu, const Geometry& g, const T* x, const T* dy, T* dweight,
                     T* dbias) {
  // A partial sum per thread, added in the threads' order: reproducible.
  std::vector<Matrix<T>> partial(static_cast<size_t>(cpu.threads()));
  std::vector<Matrix<T>> partial_bias(partial.size());
  const int64_t ranges =
      cpu.parallel_ranges(g.N, 1, [&](int64_t begin, int64_t end, int64_t range) {
        Matrix<T>& sum = partial[static_cast<size_t>(range)];
        Matrix<T>& bias_sum = partial_bias[static_cast<size_t>(range)];
        sum.setZero(g.O, g.depth());
        bias_sum.setZero(1, g.O);
        Matrix<T> rows(g.P * g.Q, g.depth());
        for (int64_t n = begin; n < end; ++n)
          for (int64_t group = 0; group < g.options.groups; ++group) {
            im2col(g, x + n * g.H * g.W * g.C, group, rows);
            const auto out = outputs_of(g, const_cast<T*>(dy), n, group);
            sum.middleRows(group * g.Og, g.Og).noalias() += out.transpose() * rows;
            bias_sum.middleCols(group * g.Og, g.Og) += out.colwise().sum();
          }
      });
  if (ranges == 0) {  // no images
    partial[0].setZero(g.O, g.depth());
    partial_bias[0].setZero(1, g.O);
  }
  for (size_t i = 1; i < static_cast<size_t>(ranges); ++i) {
    partial[0] += partial[i];
    partial_bias[0] += partial_bias[i];
  }
  for (int64_t o = 0; o < g.O; ++o)
    for (int64_t c = 0; c < g.Cg; ++c)
      for (int64_t k = 0; k < g.R * g.S; ++k)
        dweight[(o * g.Cg + c) * g.R * g.S + k] = partial[0](o, k * g.Cg + c);
  if (dbias != nullptr) std::copy_n(partial_bias[0].data(), g.O, dbias);
}

}  // namespace

Tensor conv2d_filters(Cpu&, const Tensor& weight, DType) { return weight.detach(); }

void conv2d_forward(Cpu& cpu, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const Conv2dOptions& options, Tensor& y) {
  if (y.numel() == 0) return;
#ifdef TESSERA_ONEDNN
  if (x.dtype() == DType::f32 && x.numel() > 0)
    return suits_gemm(cpu, x, weight, options)
               ? gemm_conv2d_forward(cpu, x, weight, bias, options, y)
               : onednn_conv2d_forward(cpu, x, weight, bias, options, y);
#endif
  dispatch_float("conv2d", x.dtype(), [&]<class T>() {
    const Geometry g(x.shape(), weight.shape(), y.shape(), options);
    forward<T>(cpu, g, x.data<T>(), weight.data<T>(), bias.defined() ? bias.data<T>() : nullptr,
               y.data<T>());
  });
}

void conv2d_backward_input(Cpu& cpu, const Tensor& dy, const Tensor& weight,
                           const Conv2dOptions& options, Tensor& dx) {
  if (dx.numel() == 0) return;
#ifdef TESSERA_ONEDNN
  if (dy.dtype() == DType::f32 && dy.numel() > 0)
    return onednn_conv2d_backward_input(cpu, dy, weight, options, dx);
#endif
  dispatch_float("conv2d", dy.dtype(), [&]<class T>() {
    const Geometry g(dx.shape(), weight.shape(), dy.shape(), options);
    backward_input<T>(cpu, g, dy.data<T>(), weight.data<T>(), dx.data<T>());
  });
}

void conv2d_backward_weight(Cpu& cpu, const Tensor& x, const Tensor& dy,
                            const Conv2dOptions& options, Tensor& dweight, Tensor& dbias) {
#ifdef TESSERA_ONEDNN
  if (dy.dtype() == DType::f32 && x.numel() > 0 && dy.numel() > 0)
    return suits_gemm(cpu, x, dweight, options)
               ? gemm_conv2d_backward_weight(cpu, x, dy, options, dweight, dbias)
               : onednn_conv2d_backward_weight(cpu, x, dy, options, dweight, dbias);
#endif
  dispatch_float("conv2d", dy.dtype(), [&]<class T>() {
    const Geometry g(x.shape(), dweight.shape(), dy.shape(), options);
    backward_weight<T>(cpu, g, x.data<T>(), dy.data<T>(), dweight.data<T>(),
                       dbias.defined() ? dbias.data<T>() : nullptr);
  });
}

}  // namespace tessera

#include <cmath>
#include <vector>

#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/row_norm.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {
namespace {

// Rows whose share of the parameters' gradients is added up by itself: few enough for all threads
// of a large machine, many enough that the second sum costs little.
constexpr int64_t kBlockRows = 32;

int64_t row_grain(int64_t D) {
  return std::max<int64_t>(1, kElementwiseGrain / std::max<int64_t>(4 * D, 1));
}

template <class T>
const T* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.data<T>() : nullptr;
}

/// y = (x - center) * scale * weight + bias; bias may be null.
template <class T>
void apply_row(int64_t D, const T* x, T center, T scale, const T* weight, const T* bias,
               T* __restrict y) {
  if (bias == nullptr)
    for (int64_t d = 0; d < D; ++d) y[d] = (x[d] - center) * scale * weight[d];
  else
    for (int64_t d = 0; d < D; ++d) y[d] = (x[d] - center) * scale * weight[d] + bias[d];
}

/// What backward knows of a row.
template <class T>
struct Row {
  const T *x, *dy;
  T center, scale;
};

template <class T>
void add_parameter_gradients(int64_t D, const Row<T>& row, T* __restrict dweight,
                             T* __restrict dbias) {
  for (int64_t d = 0; d < D; ++d) {
    dweight[d] += row.dy[d] * ((row.x[d] - row.center) * row.scale);
    dbias[d] += row.dy[d];
  }
}

template <class T>
void input_gradient(int64_t D, const Row<T>& row, const T* weight, bool with_means,
                    T* __restrict dx) {
  const auto [x, dy, center, scale] = row;
  const T share = T(1) / static_cast<T>(D);
  const T mean =
      with_means ? share * vector_math::lane_sum<T>(D, [=](int64_t d) { return dy[d] * weight[d]; })
                 : T(0);
  const T slope = scale * share * vector_math::lane_sum<T>(D, [=](int64_t d) {
                    return dy[d] * weight[d] * ((x[d] - center) * scale);
                  });
  for (int64_t d = 0; d < D; ++d)
    dx[d] = scale * (dy[d] * weight[d] - mean - (x[d] - center) * slope);
}

/// out = the sum of the blocks' [2, D] partial sums, of which it takes D from `first` on.
template <class T>
void add_blocks(const Cpu& cpu, const T* partial, int64_t blocks, int64_t first, Tensor& out) {
  if (!out.defined()) return;
  const int64_t D = out.numel();
  T* const to = out.data<T>();
  cpu.parallel_for(D, kElementwiseGrain / (blocks + 1) + 16, [&](int64_t begin, int64_t end) {
    std::vector<double> total(static_cast<size_t>(end - begin));
    vectorized(cpu.isa(), [&] {
      for (int64_t b = 0; b < blocks; ++b)
        for (int64_t d = begin; d < end; ++d)
          total[static_cast<size_t>(d - begin)] +=
              static_cast<double>(partial[2 * b * D + first + d]);
      for (int64_t d = begin; d < end; ++d)
        to[d] = static_cast<T>(total[static_cast<size_t>(d - begin)]);
    });
  });
}

}  // namespace

void row_norm_forward(Cpu& cpu, const RowNormInputs& in, RowNormStatistics& statistics, Tensor& y) {
  const AxisView view(in.x.shape(), in.x.rank() - 1);
  const int64_t D = view.n;
  if (in.x.numel() == 0) return;
  dispatch_float(in.op, in.x.dtype(), [&]<class T>() {
    const T *const x = in.x.data<T>(), *const weight = in.weight.data<T>();
    const T* const bias = data_or_null<T>(in.bias);
    T* const means = statistics.mean.defined() ? statistics.mean.data<T>() : nullptr;
    T *const inverses = statistics.inverse.data<T>(), *const to = y.data<T>();
    const T share = T(1) / static_cast<T>(D), epsilon = static_cast<T>(in.epsilon);
    const auto rows = [=](int64_t begin, int64_t end) {
      for (int64_t m = begin; m < end; ++m) {
        const T* const row = x + m * D;
        T center = 0;
        if (means != nullptr)
          center = share * vector_math::lane_sum<T>(D, [=](int64_t d) { return row[d]; });
        const T square = share * vector_math::lane_sum<T>(D, [=](int64_t d) {
                           return (row[d] - center) * (row[d] - center);
                         });
        const T scale = T(1) / std::sqrt(square + epsilon);
        if (means != nullptr) means[m] = center;
        inverses[m] = scale;
        apply_row(D, row, center, scale, weight, bias, to + m * D);
      }
    };
    cpu.parallel_for(view.outer, row_grain(D), [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] { rows(begin, end); });
    });
  });
}

void row_norm_backward(Cpu& cpu, const RowNormInputs& in, const RowNormStatistics& statistics,
                       const Tensor& dy, RowNormGradients& out) {
  const AxisView view(dy.shape(), dy.rank() - 1);
  const int64_t D = view.n, M = view.outer, blocks = (M + kBlockRows - 1) / kBlockRows;
  const bool with_parameters = out.dweight.defined() || out.dbias.defined();
  dispatch_float(in.op, dy.dtype(), [&]<class T>() {
    const T *const x = in.x.data<T>(), *const gradient = dy.data<T>();
    const T *const weight = in.weight.data<T>(), *const inverses = statistics.inverse.data<T>();
    const T* const means = data_or_null<T>(statistics.mean);
    T* const dx = out.dx.defined() ? out.dx.data<T>() : nullptr;
    Tensor sums = Tensor::zeros({with_parameters ? blocks : 0, 2, D}, in.weight.options());
    T* const partial = sums.data<T>();
    const auto block = [=](int64_t b) {
      for (int64_t m = b * kBlockRows; m < std::min((b + 1) * kBlockRows, M); ++m) {
        const Row<T> row{x + m * D, gradient + m * D, means == nullptr ? T(0) : means[m],
                         inverses[m]};
        if (dx != nullptr) input_gradient(D, row, weight, means != nullptr, dx + m * D);
        if (with_parameters)
          add_parameter_gradients(D, row, partial + 2 * b * D, partial + (2 * b + 1) * D);
      }
    };
    cpu.parallel_for(blocks, row_grain(D) / kBlockRows + 1, [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] {
        for (int64_t b = begin; b < end; ++b) block(b);
      });
    });
    add_blocks(cpu, partial, blocks, 0, out.dweight);
    add_blocks(cpu, partial, blocks, D, out.dbias);
  });
}

}  // namespace tessera

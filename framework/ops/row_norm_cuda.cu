#include "framework/ops/columns_cuda.h"
#include "framework/ops/row_norm.h"
#include "framework/ops/rows_cuda.h"

namespace tessera {
namespace {

template <class A>
const A* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? device_data<A>(tensor) : nullptr;
}
template <class A>
A* data_or_null(Tensor& tensor) {
  return tensor.defined() ? device_data<A>(tensor) : nullptr;
}

/// mean and bias may be null.
template <class T>
struct Forward {
  using A = Accumulator<T>;
  const T* x;
  const A *weight, *bias;
  A epsilon;
  A *mean, *inverse;
  T* y;

  template <class Line>
  __device__ void operator()(const Line& line) const {
    const A share = A(1) / static_cast<A>(line.n);
    const A center = mean == nullptr ? A(0) : share * line.sum([](A value) { return value; }, x);
    const A square = share * line.sum(
                                 [center](A value) {
                                   const A deviation = value - center;
                                   return deviation * deviation;
                                 },
                                 x);
    const A scale = A(1) / sqrt(square + epsilon);
    if (line.leads()) {
      if (mean != nullptr) mean[line.index] = center;
      inverse[line.index] = scale;
    }
    line.map_indexed(
        [&](int64_t d, A value) {
          const A scaled = (value - center) * scale * weight[d];
          return bias == nullptr ? scaled : scaled + bias[d];
        },
        y, x);
  }
};

/// mean may be null.
template <class T>
struct InputGradient {
  using A = Accumulator<T>;
  const T *x, *dy;
  const A *weight, *mean, *inverse;
  T* dx;

  template <int kTeam, int V>
  __device__ void operator()(const Line<kTeam, V>& line) const {
    const A center = mean == nullptr ? A(0) : mean[line.index], scale = inverse[line.index];
    A total = 0, product = 0;
    line.each([&](int64_t d, int64_t at) {
      for_packs(
          [&](int j, A grad, A value) {
            total += grad * weight[d + j];
            product += grad * weight[d + j] * ((value - center) * scale);
          },
          load_pack<V>(dy + at), load_pack<V>(x + at));
    });
    const A share = A(1) / static_cast<A>(line.n);
    const A of_total = mean == nullptr ? A(0) : share * sum_team<kTeam>(total);
    const A slope = scale * share * sum_team<kTeam>(product);
    line.map_indexed(
        [&](int64_t d, A grad, A value) {
          return scale * (grad * weight[d] - of_total - (value - center) * slope);
        },
        dx, dy, x);
  }
};

/// The sums of dy * h and of dy.
template <class A>
struct ParameterSums {
  A weight = 0, bias = 0;

  __device__ void merge(const ParameterSums& other) {
    weight += other.weight;
    bias += other.bias;
  }
};

template <int V, class T>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    parameter_kernel(ColumnGrid grid, const T* x, const T* dy, const Accumulator<T>* mean,
                     const Accumulator<T>* inverse, ParameterSums<Accumulator<T>>* partial) {
  using A = Accumulator<T>;
  struct Loaded {
    Pack<T, V> x, dy;
    A center, scale;
  };
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  ParameterSums<A> sums[V];
  if (column < grid.C)
    each_row(
        grid,
        [&](int64_t row) {
          const int64_t at = row * grid.C + column;
          return Loaded{load_pack<V>(x + at), load_pack<V>(dy + at),
                        mean == nullptr ? A(0) : mean[row], inverse[row]};
        },
        [&](int64_t, const Loaded& row) {
          for (int v = 0; v < V; ++v) {
            const A gradient = static_cast<A>(row.dy.values[v]);
            sums[v].weight +=
                gradient * ((static_cast<A>(row.x.values[v]) - row.center) * row.scale);
            sums[v].bias += gradient;
          }
        });
  merge_rows(sums);
  store_partial(grid, sums, partial);
}

/// dweight and dbias may be null.
template <class A>
struct StoreParameters {
  A *dweight, *dbias;
  __device__ void operator()(int64_t c, const ParameterSums<A>& sums) const {
    if (dweight != nullptr) dweight[c] = sums.weight;
    if (dbias != nullptr) dbias[c] = sums.bias;
  }
};

template <class T>
void parameter_gradients(const Cuda& cuda, const RowNormInputs& in,
                         const RowNormStatistics& statistics, const Tensor& dy,
                         RowNormGradients& out) {
  using A = Accumulator<T>;
  using State = ParameterSums<A>;
  const int64_t D = dy.dim(-1);
  if (D == 0) return;
  if (dy.numel() == 0) {
    for (Tensor* gradient : {&out.dweight, &out.dbias})
      if (gradient->defined()) gradient->fill(0);
    return;
  }
  const ColumnGrid grid = column_grid(cuda, dy.numel() / D, D, dy.dtype());
  Tensor scratch = partial_results<State>(cuda, grid);
  State* const partial = device_data<State>(scratch);
  dispatch_vector<T>(grid, [&]<int V>() {
    cuda.launch(in.op, parameter_kernel<V, T>, blocks_of(grid), threads_of(grid),
                merge_bytes<State>(ColumnGrid::kThreads, V), grid, device_data<T>(in.x),
                device_data<T>(dy), data_or_null<A>(statistics.mean),
                device_data<A>(statistics.inverse), partial);
  });
  launch_merge(cuda, in.op, grid, partial,
               StoreParameters<A>{data_or_null<A>(out.dweight), data_or_null<A>(out.dbias)});
}

}  // namespace

void row_norm_forward(Cuda& cuda, const RowNormInputs& in, RowNormStatistics& statistics,
                      Tensor& y) {
  dispatch_cuda_float(in.op, in.x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const Forward<T> forward{device_data<T>(in.x),
                             device_data<A>(in.weight),
                             data_or_null<A>(in.bias),
                             static_cast<A>(in.epsilon),
                             data_or_null<A>(statistics.mean),
                             device_data<A>(statistics.inverse),
                             device_data<T>(y)};
    for_lines<T>(in.op, cuda, AxisView(y.shape(), y.rank() - 1), forward);
  });
}

void row_norm_backward(Cuda& cuda, const RowNormInputs& in, const RowNormStatistics& statistics,
                       const Tensor& dy, RowNormGradients& out) {
  dispatch_cuda_float(in.op, dy.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    if (out.dx.defined()) {
      const InputGradient<T> gradient{device_data<T>(in.x),
                                      device_data<T>(dy),
                                      device_data<A>(in.weight),
                                      data_or_null<A>(statistics.mean),
                                      device_data<A>(statistics.inverse),
                                      device_data<T>(out.dx)};
      for_lines<T>(in.op, cuda, AxisView(dy.shape(), dy.rank() - 1), gradient);
    }
    if (out.dweight.defined() || out.dbias.defined())
      parameter_gradients<T>(cuda, in, statistics, dy, out);
  });
}

}  // namespace tessera

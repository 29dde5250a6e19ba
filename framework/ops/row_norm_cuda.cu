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

// Rows of kChunks * 32 packs are held in registers: a warp takes one after the other.
constexpr int kWarp = 32, kRowThreads = 256, kRowWarps = kRowThreads / kWarp;

/// Calls f.template operator()<kChunks>() where rows of D elements of T fit.
template <class T, class F>
bool with_chunks(int64_t D, F&& f) {
  constexpr int64_t kStep = kWarp * kPackWidth<T>;
  if (D == kStep) return f.template operator()<1>();
  if (D == 2 * kStep) return f.template operator()<2>();
  if (D == 3 * kStep) return f.template operator()<3>();
  if (D == 4 * kStep) return f.template operator()<4>();
  return false;
}

/// As Forward.
template <int kChunks, class T>
__global__ void __launch_bounds__(kRowThreads)
    row_forward_kernel(int64_t rows, const __grid_constant__ Forward<T> to) {
  using A = Accumulator<T>;
  constexpr int V = kPackWidth<T>, kRow = kChunks * kWarp * V;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int64_t row = int64_t{blockIdx.x} * kRowWarps + threadIdx.x / kWarp; row < rows;
       row += int64_t{gridDim.x} * kRowWarps) {
    A values[kChunks][V];
    A total = 0, squares = 0;
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const auto in = load_pack<V>(to.x + row * kRow + (c * kWarp + lane) * V);
#pragma unroll
      for (int v = 0; v < V; ++v) total += values[c][v] = static_cast<A>(in.values[v]);
    }
    const A share = A(1) / static_cast<A>(kRow);
    const A center = to.mean == nullptr ? A(0) : share * sum_team<kWarp>(total);
#pragma unroll
    for (int c = 0; c < kChunks; ++c)
#pragma unroll
      for (int v = 0; v < V; ++v) {
        values[c][v] -= center;
        squares += values[c][v] * values[c][v];
      }
    const A scale = A(1) / sqrt(share * sum_team<kWarp>(squares) + to.epsilon);
    if (lane == 0) {
      if (to.mean != nullptr) to.mean[row] = center;
      to.inverse[row] = scale;
    }
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const int64_t column = (c * kWarp + lane) * V;
      const auto weights = load_pack<V>(to.weight + column);
      Pack<A, V> biases = {};
      if (to.bias != nullptr) biases = load_pack<V>(to.bias + column);
      Pack<T, V> out;
#pragma unroll
      for (int v = 0; v < V; ++v)
        out.values[v] = static_cast<T>(values[c][v] * scale * weights.values[v] + biases.values[v]);
      store_pack(to.y + row * kRow + column, out);
    }
  }
}

/// Whether the rows fit, and are queued.
template <class T>
bool row_forward(const Cuda& cuda, const char* op, const Tensor& y, const Forward<T>& forward) {
  constexpr int64_t kBlocks = 8;  // of a multiprocessor
  if (y.numel() == 0) return false;
  return with_chunks<T>(y.dim(-1), [&]<int kChunks>() {
    const int64_t rows = y.numel() / y.dim(-1);
    const int64_t blocks =
        std::min((rows + kRowWarps - 1) / kRowWarps, kBlocks * cuda.multiprocessors());
    cuda.launch(op, row_forward_kernel<kChunks, T>, dim3(static_cast<unsigned>(blocks)),
                dim3(kRowThreads), 0, rows, forward);
    return true;
  });
}

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
    line.each([&]<int W>(int64_t d, int64_t at) {
      for_packs(
          [&](int j, A grad, A value) {
            total += grad * weight[d + j];
            product += grad * weight[d + j] * ((value - center) * scale);
          },
          load_pack<W>(dy + at), load_pack<W>(x + at));
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

constexpr int kRowBlocks = 2;  // of a multiprocessor: 128 registers a thread

/// All gradients in one pass: a warp sums the parameters' gradients of its lanes' columns over its
/// rows, and each block leaves one partial result, [blocks][D]. mean may be null.
template <int kChunks, class T>
__global__ void __launch_bounds__(kRowThreads, kRowBlocks)
    row_gradients_kernel(int64_t rows, const T* x, const T* dy, const Accumulator<T>* weight,
                         const Accumulator<T>* mean, const Accumulator<T>* inverse, T* dx,
                         ParameterSums<Accumulator<T>>* partial) {
  using A = Accumulator<T>;
  constexpr int V = kPackWidth<T>, kRow = kChunks * kWarp * V;
  __shared__ ParameterSums<A> of_block[kRow];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  ParameterSums<A> sums[kChunks][V];
  for (int64_t row = int64_t{blockIdx.x} * kRowWarps + warp; row < rows;
       row += int64_t{gridDim.x} * kRowWarps) {
    Pack<T, V> values[kChunks], grads[kChunks];
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const int64_t at = row * kRow + (c * kWarp + lane) * V;
      values[c] = load_pack<V>(x + at);
      grads[c] = load_pack<V>(dy + at);
    }
    const A center = mean == nullptr ? A(0) : mean[row], scale = inverse[row];
    A total = 0, product = 0;
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const auto weights = load_pack<V>(weight + (c * kWarp + lane) * V);
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const A grad = static_cast<A>(grads[c].values[v]);
        const A h = (static_cast<A>(values[c].values[v]) - center) * scale;
        total += grad * weights.values[v];
        product += grad * weights.values[v] * h;
        sums[c][v].weight += grad * h;
        sums[c][v].bias += grad;
      }
    }
    const A share = A(1) / static_cast<A>(kRow);
    const A of_total = mean == nullptr ? A(0) : share * sum_team<kWarp>(total);
    const A slope = scale * share * sum_team<kWarp>(product);
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const int64_t column = (c * kWarp + lane) * V;
      const auto weights = load_pack<V>(weight + column);
      Pack<T, V> out;
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const A grad = static_cast<A>(grads[c].values[v]);
        const A deviation = static_cast<A>(values[c].values[v]) - center;
        out.values[v] =
            static_cast<T>(scale * (grad * weights.values[v] - of_total - deviation * slope));
      }
      store_pack(dx + row * kRow + column, out);
    }
  }
  for (int turn = 0; turn < kRowWarps; ++turn) {
    if (warp == turn)
#pragma unroll
      for (int c = 0; c < kChunks; ++c)
#pragma unroll
        for (int v = 0; v < V; ++v) {
          ParameterSums<A>& sum = of_block[(c * kWarp + lane) * V + v];
          if (turn > 0) sums[c][v].merge(sum);
          sum = sums[c][v];
        }
    __syncthreads();
  }
  for (int i = static_cast<int>(threadIdx.x); i < kRow; i += kRowThreads)
    partial[blockIdx.x * int64_t{kRow} + i] = of_block[i];
}

/// Whether all gradients were asked for, of rows that fit, and are queued.
template <class T>
bool row_gradients(const Cuda& cuda, const RowNormInputs& in, const RowNormStatistics& statistics,
                   const Tensor& dy, RowNormGradients& out) {
  using A = Accumulator<T>;
  using State = ParameterSums<A>;
  const int64_t D = dy.dim(-1);
  if (!out.dx.defined() || !out.dweight.defined() || dy.numel() == 0) return false;
  return with_chunks<T>(D, [&]<int kChunks>() {
    const int64_t rows = dy.numel() / D;
    ColumnGrid grid{.M = rows, .C = D};
    grid.blocks_y =
        std::min((rows + kRowWarps - 1) / kRowWarps, int64_t{kRowBlocks} * cuda.multiprocessors());
    Tensor scratch = partial_results<State>(cuda, grid);
    State* const partial = device_data<State>(scratch);
    cuda.launch(in.op, row_gradients_kernel<kChunks, T>, dim3(static_cast<unsigned>(grid.blocks_y)),
                dim3(kRowThreads), 0, rows, device_data<T>(in.x), device_data<T>(dy),
                device_data<A>(in.weight), data_or_null<A>(statistics.mean),
                device_data<A>(statistics.inverse), device_data<T>(out.dx), partial);
    launch_merge(cuda, in.op, grid, partial,
                 StoreParameters<A>{data_or_null<A>(out.dweight), data_or_null<A>(out.dbias)});
    return true;
  });
}

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
    if (!row_forward<T>(cuda, in.op, y, forward))
      for_lines<T>(in.op, cuda, AxisView(y.shape(), y.rank() - 1), forward);
  });
}

void row_norm_backward(Cuda& cuda, const RowNormInputs& in, const RowNormStatistics& statistics,
                       const Tensor& dy, RowNormGradients& out) {
  dispatch_cuda_float(in.op, dy.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    if (row_gradients<T>(cuda, in, statistics, dy, out)) return;
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

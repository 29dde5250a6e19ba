#include "framework/ops/columns_cuda.h"

namespace tessera {
namespace {

template <int V, class T, class B>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    add_kernel(ColumnGrid grid, const B* bias, T* y) {
  using A = Accumulator<T>;
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  if (column >= grid.C) return;
  A shift[V];
  for (int v = 0; v < V; ++v) shift[v] = static_cast<A>(bias[column + v]);
  const auto at = [&](int64_t row) { return y + row * grid.C + column; };
  each_row(
      grid, [&](int64_t row) { return load_pack<V>(at(row)); },
      [&](int64_t row, Pack<T, V> pack) {
        for (int v = 0; v < V; ++v)
          pack.values[v] = static_cast<T>(static_cast<A>(pack.values[v]) + shift[v]);
        store_pack(at(row), pack);
      });
}

template <int V, class T>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    sum_kernel(ColumnGrid grid, const T* x, ColumnSum<Accumulator<T>>* partial) {
  using A = Accumulator<T>;
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  ColumnSum<A> sums[V];
  if (column < grid.C)
    each_row(
        grid, [&](int64_t row) { return load_pack<V>(x + row * grid.C + column); },
        [&](int64_t, const Pack<T, V>& pack) {
          for (int v = 0; v < V; ++v) sums[v].value += static_cast<A>(pack.values[v]);
        });
  merge_rows(sums);
  store_partial(grid, sums, partial);
}

template <class B>
struct StoreSum {
  B* out;
  template <class A>
  __device__ void operator()(int64_t c, const ColumnSum<A>& sum) const {
    out[c] = static_cast<B>(sum.value);
  }
};

}  // namespace

void add_to_columns(const Cuda& cuda, const char* op, const Tensor& bias, int64_t M, Tensor& y) {
  const int64_t C = bias.numel();
  if (M == 0 || C == 0) return;
  const ColumnGrid grid = column_grid(cuda, M, C, y.dtype());
  dispatch_cuda_float(op, y.dtype(), [&]<class T>() {
    dispatch_parameter<T>(bias.dtype(), [&]<class B>() {
      dispatch_vector<T>(grid, [&]<int V>() {
        cuda.launch(op, add_kernel<V, T, B>, blocks_of(grid), threads_of(grid), 0, grid,
                    device_data<B>(bias), device_data<T>(y));
      });
    });
  });
}

void sum_columns(const Cuda& cuda, const char* op, const Tensor& x, int64_t M, Tensor& sums) {
  const int64_t C = sums.numel();
  if (C == 0) return;
  if (M == 0) return sums.fill(0);
  const ColumnGrid grid = column_grid(cuda, M, C, x.dtype());
  dispatch_cuda_float(op, x.dtype(), [&]<class T>() {
    using State = ColumnSum<Accumulator<T>>;
    Tensor scratch = partial_results<State>(cuda, grid);
    State* const partial = device_data<State>(scratch);
    dispatch_vector<T>(grid, [&]<int V>() {
      cuda.launch(op, sum_kernel<V, T>, blocks_of(grid), threads_of(grid),
                  merge_bytes<State>(ColumnGrid::kThreads, V), grid, device_data<T>(x), partial);
    });
    dispatch_parameter<T>(sums.dtype(), [&]<class B>() {
      launch_merge(cuda, op, grid, partial, StoreSum<B>{device_data<B>(sums)});
    });
  });
}

}  // namespace tessera

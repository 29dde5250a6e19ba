#include "framework/ops/columns_cuda.h"

namespace tessera {
namespace {

/// shift may be null.
template <bool kResidual, int V, class T, class B>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    finish_kernel(ColumnGrid grid, const B* shift, const T* residual, bool relu, T* y) {
  using A = Accumulator<T>;
  struct Loaded {
    Pack<T, V> y, residual;
  };
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  if (column >= grid.C) return;
  A shifts[V];
  for (int v = 0; v < V; ++v)
    shifts[v] = shift == nullptr ? A(0) : static_cast<A>(shift[column + v]);
  each_row(
      grid,
      [&](int64_t row) {
        const int64_t at = row * grid.C + column;
        Loaded loaded;
        loaded.y = load_pack<V>(y + at);
        if constexpr (kResidual) loaded.residual = load_pack<V>(residual + at);
        return loaded;
      },
      [&](int64_t row, const Loaded& loaded) {
        Pack<T, V> out;
        for (int v = 0; v < V; ++v) {
          A value = static_cast<A>(loaded.y.values[v]) + shifts[v];
          if constexpr (kResidual) value += static_cast<A>(loaded.residual.values[v]);
          out.values[v] = static_cast<T>(relu && !(value > 0) ? A(0) : value);
        }
        store_pack(y + row * grid.C + column, out);
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

template <int V, class T>
__global__ void __launch_bounds__(ColumnGrid::kThreads)
    sum_where_positive_kernel(ColumnGrid grid, const T* y, const T* x, T* kept,
                              ColumnSum<Accumulator<T>>* partial) {
  using A = Accumulator<T>;
  struct Loaded {
    Pack<T, V> y, x;
  };
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  ColumnSum<A> sums[V];
  if (column < grid.C)
    each_row(
        grid,
        [&](int64_t row) {
          const int64_t at = row * grid.C + column;
          return Loaded{load_pack<V>(y + at), load_pack<V>(x + at)};
        },
        [&](int64_t row, const Loaded& loaded) {
          Pack<T, V> out;
          for (int v = 0; v < V; ++v) {
            out.values[v] = static_cast<A>(loaded.y.values[v]) > 0 ? loaded.x.values[v] : T(0.0f);
            sums[v].value += static_cast<A>(out.values[v]);
          }
          store_pack(kept + row * grid.C + column, out);
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

/// sums[c] from the partial sums that launch(grid, partial) leaves, for columns of x.
template <class Launch>
void sum_with(const Cuda& cuda, const char* op, const Tensor& x, int64_t M, Tensor& sums,
              Launch launch) {
  const int64_t C = sums.numel();
  if (C == 0) return;
  if (M == 0) return sums.fill(0);
  const ColumnGrid grid = column_grid(cuda, M, C, x.dtype());
  dispatch_cuda_float(op, x.dtype(), [&]<class T>() {
    using State = ColumnSum<Accumulator<T>>;
    Tensor scratch = partial_results<State>(cuda, grid);
    State* const partial = device_data<State>(scratch);
    dispatch_vector<T>(grid, [&]<int V>() {
      launch.template operator()<T, V>(grid, merge_bytes<State>(ColumnGrid::kThreads, V), partial);
    });
    dispatch_parameter<T>(sums.dtype(), [&]<class B>() {
      launch_merge(cuda, op, grid, partial, StoreSum<B>{device_data<B>(sums)});
    });
  });
}

}  // namespace

void finish_columns(const Cuda& cuda, const char* op, const ColumnFinish& finish, int64_t M,
                    Tensor& y) {
  if (M == 0 || y.numel() == 0) return;
  const ColumnGrid grid = column_grid(cuda, M, y.numel() / M, y.dtype());
  dispatch_cuda_float(op, y.dtype(), [&]<class T>() {
    const T* const residual = finish.residual.defined() ? device_data<T>(finish.residual) : nullptr;
    const DType shift_type = finish.shift.defined() ? finish.shift.dtype() : y.dtype();
    dispatch_parameter<T>(shift_type, [&]<class B>() {
      const B* const shift = finish.shift.defined() ? device_data<B>(finish.shift) : nullptr;
      dispatch_vector<T>(grid, [&]<int V>() {
        launch_columns(
            cuda, op, grid,
            residual != nullptr ? finish_kernel<true, V, T, B> : finish_kernel<false, V, T, B>, 0,
            shift, residual, finish.relu, device_data<T>(y));
      });
    });
  });
}

void sum_columns(const Cuda& cuda, const char* op, const Tensor& x, int64_t M, Tensor& sums) {
  sum_with(cuda, op, x, M, sums,
           [&]<class T, int V>(const ColumnGrid& grid, size_t shared, auto* partial) {
             launch_columns(cuda, op, grid, sum_kernel<V, T>, shared, device_data<T>(x), partial);
           });
}

void sum_where_positive(const Cuda& cuda, const char* op, const Tensor& y, const Tensor& x,
                        int64_t M, Tensor& kept, Tensor& sums) {
  sum_with(cuda, op, x, M, sums,
           [&]<class T, int V>(const ColumnGrid& grid, size_t shared, auto* partial) {
             launch_columns(cuda, op, grid, sum_where_positive_kernel<V, T>, shared,
                            device_data<T>(y), device_data<T>(x), device_data<T>(kept), partial);
           });
}

}  // namespace tessera

// Kernels over the columns of a matrix (columns.h). Included by .cu files only.
#pragma once

#include "framework/backend/cuda.h"
#include "framework/backend/pack_cuda.h"
#include "framework/ops/columns.h"

namespace tessera {

/// What a product leaves to do; tensors may be undefined.
struct ColumnFinish {
  Tensor shift;     ///< [C], of the type of y, or f32
  Tensor residual;  ///< as y
  bool relu = false;
};

/// y[m, c] = y[m, c] + shift[c] + residual[m, c], then max(., 0) under relu.
/// y: [M, C] (C the contiguous axis), f32, f64, bf16 or f16.
void finish_columns(const Cuda& cuda, const char* op, const ColumnFinish& finish, int64_t M,
                    Tensor& y);
/// y[m, c] += bias[c].
inline void add_to_columns(const Cuda& cuda, const char* op, const Tensor& bias, int64_t M,
                           Tensor& y) {
  finish_columns(cuda, op, {.shift = bias, .residual = {}}, M, y);
}
/// sums[c] = sum of x[m, c] over m, in the accumulator's type; sums: of the type of x, or f32.
void sum_columns(const Cuda& cuda, const char* op, const Tensor& x, int64_t M, Tensor& sums);
/// The same over the elements of x where y is positive; they are copied to `kept`, the others are 0
/// there. y and kept: as x.
void sum_where_positive(const Cuda& cuda, const char* op, const Tensor& y, const Tensor& x,
                        int64_t M, Tensor& kept, Tensor& sums);

/// The grid for tensors of this type, and its launch.
inline ColumnGrid column_grid(const Cuda& cuda, int64_t M, int64_t C, DType dtype) {
  constexpr int64_t kBlocksPerMultiprocessor = 4;  // of 8 that fit, at 64 registers a thread
  return column_grid(M, C, size_of(dtype), kBlocksPerMultiprocessor * cuda.multiprocessors());
}
inline dim3 blocks_of(const ColumnGrid& grid) {
  return {static_cast<unsigned>(grid.blocks_x), static_cast<unsigned>(grid.blocks_y)};
}
inline dim3 threads_of(const ColumnGrid& grid) {
  return {static_cast<unsigned>(grid.threads_x), static_cast<unsigned>(grid.threads_y)};
}

/// Launches kernel(grid, arguments...) over the grid.
template <class... Parameters, class... Arguments>
void launch_columns(const Cuda& cuda, const char* op, const ColumnGrid& grid,
                    void (*kernel)(Parameters...), size_t shared, Arguments&&... arguments) {
  cuda.launch(op, kernel, blocks_of(grid), threads_of(grid), shared, grid,
              std::forward<Arguments>(arguments)...);
}

/// Calls f.template operator()<V>() with the grid's vector for elements of T: 16 bytes, or one
/// element.
template <class T, class F>
void dispatch_vector(const ColumnGrid& grid, F&& f) {
  if (grid.vector == 1)
    f.template operator()<1>();
  else
    f.template operator()<kPackWidth<T>>();
}

/// Calls f.template operator()<B>() with B = float or T, the one that stands for `dtype`.
template <class T, class F>
void dispatch_parameter(DType dtype, F&& f) {
  if (dtype == DType::f32)
    f.template operator()<float>();
  else
    f.template operator()<T>();
}

/// For the rows of this thread, kRowsAtOnce of them together and then the rest one by one: loads
/// load(row) of each, then calls use(row, loaded) with an array of them; they are
/// grid.threads_y rows apart.
template <class Load, class Use>
__device__ void each_chunk(const ColumnGrid& grid, Load&& load, Use&& use) {
  constexpr int kRows = ColumnGrid::kRowsAtOnce;
  const int64_t end = grid.end_row(blockIdx.y), step = grid.threads_y;
  int64_t row = grid.first_row(blockIdx.y, static_cast<int>(threadIdx.y));
  for (; row + (kRows - 1) * step < end; row += kRows * step) {
    decltype(load(row)) loaded[kRows];
#pragma unroll
    for (int i = 0; i < kRows; ++i) loaded[i] = load(row + i * step);
    use(row, loaded);
  }
  for (; row < end; row += step) {
    const decltype(load(row)) loaded[1] = {load(row)};
    use(row, loaded);
  }
}

/// use(row, load(row)) for the rows of this thread.
template <class Load, class Use>
__device__ void each_row(const ColumnGrid& grid, Load&& load, Use&& use) {
  each_chunk(grid, load, [&]<class Loaded, int N>(int64_t row, const Loaded(&loaded)[N]) {
#pragma unroll
    for (int i = 0; i < N; ++i) use(row + i * grid.threads_y, loaded[i]);
  });
}

/// Merges state[V] of all threads of a column, in a fixed order, and leaves the result with those
/// of threadIdx.y == 0. State: default-constructible, with merge(const State&).
/// REQUIRES: all threads of the block call it; blockDim.y a power of two.
template <int V, class State>
__device__ void merge_rows(State (&state)[V]) {
  extern __shared__ __align__(16) unsigned char shared[];
  State* const others = reinterpret_cast<State*>(shared);
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    if (threadIdx.y >= half && threadIdx.y < 2 * half)
      for (int v = 0; v < V; ++v)
        others[((threadIdx.y - half) * blockDim.x + threadIdx.x) * V + v] = state[v];
    __syncthreads();
    if (threadIdx.y < half)
      for (int v = 0; v < V; ++v)
        state[v].merge(others[(threadIdx.y * blockDim.x + threadIdx.x) * V + v]);
    __syncthreads();
  }
}
/// Bytes of shared memory that merge_rows needs.
template <class State>
size_t merge_bytes(int threads, int vector) {
  return sizeof(State) * static_cast<size_t>(threads / 2 * vector);
}

/// A partial sum.
template <class A>
struct ColumnSum {
  A value = 0;
  __device__ void merge(const ColumnSum& other) { value += other.value; }
};

/// Memory for the partial results of the blocks, [blocks_y][C], and the store of one block's.
template <class State>
Tensor partial_results(const Cuda& cuda, const ColumnGrid& grid) {
  return cuda.scratch(grid.blocks_y * grid.C * static_cast<int64_t>(sizeof(State)));
}
template <int V, class State>
__device__ void store_partial(const ColumnGrid& grid, const State (&state)[V], State* partial) {
  const int64_t column = grid.column(blockIdx.x, static_cast<int>(threadIdx.x));
  if (column >= grid.C || threadIdx.y != 0) return;
  for (int v = 0; v < V; ++v) partial[blockIdx.y * grid.C + column + v] = state[v];
}

/// Merges the partial results of all blocks and calls finish(c, state) for each column.
template <class State, class Finish>
__global__ void merge_blocks_kernel(ColumnGrid grid, const State* partial, Finish finish) {
  const int64_t c = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  State state[1];
  if (c < grid.C)
    for (int64_t block = threadIdx.y; block < grid.blocks_y; block += blockDim.y)
      state[0].merge(partial[block * grid.C + c]);
  merge_rows(state);
  if (c < grid.C && threadIdx.y == 0) finish(c, state[0]);
}

template <class State, class Finish>
void launch_merge(const Cuda& cuda, const char* op, const ColumnGrid& grid, const State* partial,
                  Finish finish) {
  constexpr unsigned kExtent = 32;
  const auto blocks = static_cast<unsigned>((grid.C + kExtent - 1) / kExtent);
  cuda.launch(op, merge_blocks_kernel<State, Finish>, dim3(blocks), dim3(kExtent, kExtent),
              merge_bytes<State>(kExtent * kExtent, 1), grid, partial, finish);
}

}  // namespace tessera

// The kernels of element-wise ops on a CUDA device: one pass over memory, 16 bytes at a time, in
// the accumulator's type. Every tensor begins at a multiple of 16 bytes (storage.h).
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "framework/backend/cuda.h"
#include "framework/backend/pack_cuda.h"
#include "framework/ops/broadcast_plan.h"
#include "framework/ops/grid_index.h"

namespace tessera {

/// Calls f(j, in[j]...) for V neighbours, in the accumulator's type.
template <class F, int V, class... In>
__device__ void for_packs(F f, const Pack<In, V>&... in) {
#pragma unroll
  for (int j = 0; j < V; ++j) f(j, static_cast<Accumulator<In>>(in.values[j])...);
}

/// out[j] = f(in[j]...) for V neighbours.
template <class T, class F, int V, class... In>
__device__ void store_mapped(T* out, const F& f, const Pack<In, V>&... in) {
  Pack<T, V> result;
  for_packs([&](int j, auto... values) { result.values[j] = static_cast<T>(f(values...)); }, in...);
  store_pack(out, result);
}

__device__ inline GridThread grid_thread() {
  return {blockIdx.x * int64_t{blockDim.x} + threadIdx.x, int64_t{gridDim.x} * blockDim.x};
}

inline int64_t groups_of(int64_t n, int width) { return (n + width - 1) / width; }

template <int V, class T, class F, size_t... K>
__device__ void map_group(const F& f, int64_t i, T* out,
                          const std::array<const T*, sizeof...(K)>& in, std::index_sequence<K...>) {
  store_mapped(out + i, f, load_pack<V>(in[K] + i)...);
}

template <class T, class F, size_t N>
__global__ void __launch_bounds__(kThreadsPerBlock)
    map_kernel(F f, int64_t n, T* out, std::array<const T*, N> in) {
  constexpr int V = kPackWidth<T>;
  constexpr std::make_index_sequence<N> inputs;
  const auto [begin, end, step] = grid_thread().groups(n, V);
  for (int64_t i = begin; i < end; i += step) {
    if (i + V <= n)
      map_group<V>(f, i, out, in, inputs);
    else
      for (int64_t j = i; j < n; ++j) map_group<1>(f, j, out, in, inputs);
  }
}

/// out[i] = f(in[i]...) for all i; f takes and returns the accumulator's type. out may be an input.
/// REQUIRES: equal shapes, layouts and types.
template <class F, class... Inputs>
void map_elements(const char* op, const Cuda& cuda, F f, Tensor& out, const Inputs&... in) {
  dispatch_cuda_float(op, out.dtype(), [&]<class T>() {
    const std::array<const T*, sizeof...(in)> from{device_data<T>(in)...};
    cuda.launch_elements(op, map_kernel<T, F, sizeof...(in)>, groups_of(out.numel(), kPackWidth<T>),
                         f, out.numel(), device_data<T>(out), from);
  });
}

/// Calls f.template operator()<Index>() with a type for indices below n: 32 bits where they do,
/// since a division in 64 bits takes several times as long.
template <class F>
void dispatch_index(int64_t n, F&& f) {
  if (n <= std::numeric_limits<int32_t>::max())
    f.template operator()<uint32_t>();
  else
    f.template operator()<int64_t>();
}

/// V neighbours, or one element V times where the stride is 0.
template <int V, class T>
__device__ Pack<T, V> load_along(const T* from, int64_t stride) {
  if (stride == 1) return load_pack<V>(from);
  Pack<T, V> out;
#pragma unroll
  for (int j = 0; j < V; ++j) out.values[j] = *from;
  return out;
}

/// REQUIRES: V divides the plan's run.
template <class T, class F, class Index, int V>
__global__ void __launch_bounds__(kThreadsPerBlock)
    broadcast_kernel(F f, int64_t n, T* y, const T* a, const T* b,
                     const __grid_constant__ BroadcastPlan plan) {
  const auto [extent, stride_a, stride_b] = plan.run();
  const auto [begin, end, step] = grid_thread().groups(n, V);
  for (int64_t i = begin; i < end; i += step) {
    const Index row = static_cast<Index>(i) / static_cast<Index>(extent);
    const int64_t column = i - static_cast<int64_t>(row) * extent;
    const auto [at_a, at_b] = plan.offsets(row);
    store_mapped(y + i, f, load_along<V>(a + at_a + column * stride_a, stride_a),
                 load_along<V>(b + at_b + column * stride_b, stride_b));
  }
}

/// y[i] = f(a[i], b[i]), a and b broadcast to y; f as in map_elements().  REQUIRES: one type, and
/// row-major shapes (memory_shape() for others).
template <class F>
void map_broadcast(const char* op, const Cuda& cuda, F f, Tensor& y, const Shape& shape_y,
                   const Tensor& a, const Shape& shape_a, const Tensor& b, const Shape& shape_b) {
  const BroadcastPlan plan(shape_a, shape_b, shape_y);
  dispatch_cuda_float(op, y.dtype(), [&]<class T>() {
    dispatch_index(y.numel(), [&]<class Index>() {
      constexpr int V = kPackWidth<T>;
      const bool fits = plan.run().extent % V == 0;
      cuda.launch_elements(
          op, fits ? broadcast_kernel<T, F, Index, V> : broadcast_kernel<T, F, Index, 1>,
          groups_of(y.numel(), fits ? V : 1), f, y.numel(), device_data<T>(y), device_data<T>(a),
          device_data<T>(b), plan);
    });
  });
}

}  // namespace tessera

// The loop of the CUDA kernels that work along one axis, such as softmax: a team of threads for
// each line. A kernel that needs its line twice reads it again: it then comes from the caches.
#pragma once

#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cuda.h"

namespace tessera {

template <class V>
__device__ V shuffle_xor(V value, int distance) {
  return __shfl_xor_sync(0xffffffffu, value, distance);
}

/// Combines the values of kTeam neighbouring threads by `op`, which must be commutative; each gets
/// the result. The order depends on kTeam only.
/// REQUIRES: all threads of the team call it; kTeam is 1, 32, or the whole block.
template <int kTeam, class V, class F>
__device__ V reduce_team(V value, F op) {
  static_assert(kTeam == 1 || kTeam % 32 == 0);
  if constexpr (kTeam > 1) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
      value = op(value, shuffle_xor(value, distance));
  }
  if constexpr (kTeam > 32) {
    __shared__ V partial[kTeam / 32];
    __syncthreads();  // an earlier reduction may still be read
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
    __syncthreads();
    value = partial[0];
    for (int warp = 1; warp < kTeam / 32; ++warp) value = op(value, partial[warp]);
  }
  return value;
}

template <int kTeam, class A>
__device__ A sum_team(A value) {
  return reduce_team<kTeam>(value, [](A a, A b) { return a + b; });
}

/// One line of n elements, `stride` apart, as a thread of the team kTeam that works on it sees it.
/// All members but leads() are for all threads of the team; pointers are those of whole tensors.
template <int kTeam, int V>
struct Line {
  int64_t index;  ///< which line
  int64_t start, n, stride;
  GridThread self;

  /// Whether this thread writes what a line has one of.
  __device__ bool leads() const { return self.index % kTeam == 0; }

  /// Calls f.template operator()<W>(i, at) for this thread's groups of W elements, V of them or, at
  /// the ends of a line that is not aligned, 1: the place in the line, and in memory.
  template <class F>
  __device__ void each(F f) const {
    if constexpr (V == 1) {
      const auto [begin, end, step] = self.elements(n, kTeam, 1);
      for (int64_t i = begin; i < end; i += step) f.template operator()<1>(i, start + i * stride);
    } else {
      const auto [head, body] = line_parts(start, n, V);
      const int64_t lane = self.index % kTeam;
      if (lane < head) f.template operator()<1>(lane, start + lane);
      for (int64_t i = head + lane * V; i < body; i += int64_t{kTeam} * V)
        f.template operator()<V>(i, start + i);
      if (body + lane < n) f.template operator()<1>(body + lane, start + body + lane);
    }
  }

  /// out[i] = f(i, in[i]...), computed in the accumulator's type.
  template <class F, class T, class... In>
  __device__ void map_indexed(F f, T* out, const In*... in) const {
    each([&]<int W>(int64_t i, int64_t at) {
      Pack<T, W> result;
      for_packs(
          [&](int j, auto... values) { result.values[j] = static_cast<T>(f(i + j, values...)); },
          load_pack<W>(in + at)...);
      store_pack(out + at, result);
    });
  }
  /// out[i] = f(in[i]...).
  template <class F, class T, class... In>
  __device__ void map(F f, T* out, const In*... in) const {
    each([&]<int W>(int64_t, int64_t at) { store_mapped(out + at, f, load_pack<W>(in + at)...); });
  }
  /// The sum of f(first[i], in[i]...), for every thread.
  template <class F, class T, class... In>
  __device__ Accumulator<T> sum(F f, const T* first, const In*... in) const {
    Accumulator<T> total = 0;
    each([&]<int W>(int64_t, int64_t at) {
      for_packs([&](int, auto... values) { total += f(values...); }, load_pack<W>(first + at),
                load_pack<W>(in + at)...);
    });
    return sum_team<kTeam>(total);
  }
  template <class Value, class F>
  __device__ Value reduce(Value value, F op) const {
    return reduce_team<kTeam>(value, op);
  }
};

template <int kTeam, int V, class F>
__global__ void __launch_bounds__(kThreadsPerBlock) line_kernel(F f, AxisView view) {
  const GridThread self = grid_thread();
  const auto [begin, end, step] = self.lines(view.outer * view.inner, kTeam);
  for (int64_t i = begin; i < end; i += step)
    f(Line<kTeam, V>{i, line_start(i, view.pitch, view.inner), view.n, view.inner, self});
}

/// Calls f(line) for each line of elements of type T on a team of threads: neighbouring threads
/// take neighbouring elements of a line or, where these lie apart, neighbouring lines.
template <class T, class F>
void for_lines(const char* op, const Cuda& cuda, const AxisView& view, const F& f) {
  constexpr int kWarp = 32, kBlock = kThreadsPerBlock, V = kPackWidth<T>;
  constexpr int64_t kWarpElements = 1024;  // 32 a thread; a block is too many threads for less
  const int64_t lines = view.outer * view.inner;
  const auto launch = [&](auto kernel, int team) {
    cuda.launch_elements(op, kernel, lines * team, f, view);
  };
  if (view.inner != 1)
    launch(line_kernel<1, 1, F>, 1);
  else if (view.n <= kWarpElements)
    launch(line_kernel<kWarp, V, F>, kWarp);
  else
    launch(line_kernel<kBlock, V, F>, kBlock);
}

}  // namespace tessera

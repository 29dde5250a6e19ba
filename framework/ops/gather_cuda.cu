// The backward pass has three kernels: note the first place of each index in each slice
// (gather_slices.h), add up the rows of a slice that go to one row of x at that place, add these
// partial sums over the slices. The atomic minimum of integers gives one result in any order.
#include <limits>

#include "framework/ops/axes.h"
#include "framework/ops/columns_cuda.h"
#include "framework/ops/gather.h"
#include "framework/ops/gather_slices.h"
#include "framework/ops/rows_cuda.h"

namespace tessera {
namespace {

constexpr int kWarp = 32;
constexpr int32_t kNowhere = std::numeric_limits<int32_t>::max();

struct Indices {
  const int64_t* row;  ///< of each place
  int64_t M, N, D;     ///< indices, rows of x, elements of a row

  __device__ bool is_row(int64_t m) const { return row[m] >= 0 && row[m] < N; }
};

/// How often a warp with V columns a lane takes to cross a row.
__host__ __device__ constexpr int64_t strips_of(int64_t D, int V) {
  return (D + kWarp * V - 1) / (kWarp * V);
}

/// A warp copies a row; one that is none becomes NaN.
template <int V, class T, class U>
__global__ void __launch_bounds__(kThreadsPerBlock)
    forward_kernel(Indices indices, const T* x, U* y) {
  using A = Accumulator<T>;
  const GridThread self = grid_thread();
  const auto [begin, end, step] = self.lines(indices.M, kWarp);
  const auto [first, last, stride] = self.elements(indices.D, kWarp, V);
  for (int64_t m = begin; m < end; m += step) {
    const bool is_row = indices.is_row(m);
    for (int64_t d = first; d < last; d += stride) {
      Pack<T, V> in = {};
      if (is_row) in = load_pack<V>(x + indices.row[m] * indices.D + d);
      const auto copied = [=](A value) {
        return is_row ? value : std::numeric_limits<A>::quiet_NaN();
      };
      store_mapped(y + m * indices.D + d, copied, in);
    }
  }
}

__global__ void __launch_bounds__(kThreadsPerBlock)
    first_kernel(Indices indices, GatherSlices slices, int32_t* first) {
  const auto [begin, end, step] = grid_thread().groups(indices.M, 1);
  for (int64_t m = begin; m < end; m += step)
    if (indices.is_row(m))
      atomicMin(first + slices.slice_of(m) * indices.N + indices.row[m], static_cast<int32_t>(m));
}

/// sum += the rows of dy at `column` whose bits are set in `same`, upwards from row m: four loads
/// in flight, added in order.
template <int V, class U, class A>
__device__ void add_rows(unsigned same, int64_t m, int64_t column, int64_t D, const U* dy,
                         A (&sum)[V]) {
  while (same != 0) {
    Pack<U, V> loaded[4] = {};
#pragma unroll
    for (Pack<U, V>& pack : loaded) {
      if (same == 0) break;
      pack = load_pack<V>(dy + (m + __ffs(static_cast<int>(same)) - 1) * D + column);
      same &= same - 1;
    }
#pragma unroll
    for (const Pack<U, V>& pack : loaded)
      for (int v = 0; v < V; ++v) sum[v] += static_cast<A>(pack.values[v]);
  }
}

/// partial[m] = the sum of the rows of dy in the slice of m with the index of m, where m is the
/// first place of it; elsewhere nothing is written. A warp takes a strip of a place.
template <int V, class U, class A>
__global__ void __launch_bounds__(kThreadsPerBlock)
    sum_slice_kernel(Indices indices, GatherSlices slices, const int32_t* first, const U* dy,
                     A* partial) {
  const GridThread self = grid_thread();
  const int64_t strips = strips_of(indices.D, V);
  const auto [begin, end, step] = self.lines(indices.M * strips, kWarp);
  const int lane = static_cast<int>(self.index % kWarp);
  for (int64_t i = begin; i < end; i += step) {
    const int64_t m = i / strips, row = indices.row[m], stop = slices.end_of(m);
    if (!indices.is_row(m) || first[slices.slice_of(m) * indices.N + row] != m) continue;
    const int64_t column = (i % strips * kWarp + lane) * V;
    A sum[V] = {};
    for (int64_t p = m; p < stop; p += kWarp) {
      const bool is_same = p + lane < stop && indices.row[p + lane] == row;
      const unsigned same = __ballot_sync(0xffffffffu, is_same);
      if (column < indices.D) add_rows(same, p, column, indices.D, dy, sum);
    }
    if (column < indices.D)
      for (int v = 0; v < V; ++v) partial[m * indices.D + column + v] = sum[v];
  }
}

/// dx[n] = the sum over the slices of what they hold for row n. A warp takes a row; its lanes find
/// out at once which slices hold any, mostly none.
template <int V, class A, class T>
__global__ void __launch_bounds__(kThreadsPerBlock)
    sum_slices_kernel(Indices indices, GatherSlices slices, const int32_t* first, const A* partial,
                      T* dx) {
  const GridThread self = grid_thread();
  const auto [begin, end, step] = self.lines(indices.N, kWarp);
  const int lane = static_cast<int>(self.index % kWarp);
  for (int64_t n = begin; n < end; n += step) {
    int32_t places[GatherSlices::kMost / kWarp];
    unsigned held[GatherSlices::kMost / kWarp];
#pragma unroll
    for (int i = 0; i < GatherSlices::kMost / kWarp; ++i) {
      const int64_t slice = i * kWarp + lane;
      places[i] = slice < slices.count() ? first[slice * indices.N + n] : kNowhere;
      held[i] = __ballot_sync(0xffffffffu, places[i] != kNowhere);
    }
    for (int64_t strip = 0; strip < indices.D; strip += kWarp * V) {
      const int64_t column = strip + lane * V;
      A sum[V] = {};
#pragma unroll
      for (int i = 0; i < GatherSlices::kMost / kWarp; ++i)
        for (unsigned rest = held[i]; rest != 0; rest &= rest - 1) {
          const int64_t m = __shfl_sync(0xffffffffu, places[i], __ffs(static_cast<int>(rest)) - 1);
          if (column >= indices.D) continue;
          const auto pack = load_pack<V>(partial + m * indices.D + column);
          for (int v = 0; v < V; ++v) sum[v] += pack.values[v];
        }
      if (column >= indices.D) continue;
      Pack<T, V> out;
      for (int v = 0; v < V; ++v) out.values[v] = static_cast<T>(sum[v]);
      store_pack(dx + n * indices.D + column, out);
    }
  }
}

Indices indices_of(const Tensor& index, const Shape& x) {
  const AxisView rows(x, 0);
  return {device_data<int64_t>(index), index.numel(), rows.n, rows.inner};
}

/// Calls f.template operator()<V>() with the widest V that divides the rows and is no wider than
/// 16 bytes of the wider type.
template <class Wider, class F>
void dispatch_width(int64_t D, F&& f) {
  if (D % kPackWidth<Wider> == 0)
    f.template operator()<kPackWidth<Wider>>();
  else
    f.template operator()<1>();
}

}  // namespace

void gather_forward(Cuda& cuda, const Tensor& x, const Tensor& index, Tensor& y) {
  const Indices indices = indices_of(index, x.shape());
  dispatch_cuda_float("gather", y.dtype(), [&]<class U>() {
    dispatch_parameter<U>(x.dtype(), [&]<class T>() {
      dispatch_width<T>(indices.D, [&]<int V>() {
        cuda.launch_elements("gather", forward_kernel<V, T, U>, indices.M * kWarp, indices,
                             device_data<T>(x), device_data<U>(y));
      });
    });
  });
}

void gather_backward(Cuda& cuda, const Tensor& index, const Tensor& dy, Tensor& dx) {
  const Indices indices = indices_of(index, dx.shape());
  if (dx.numel() == 0) return;
  if (indices.M == 0) return dx.fill(0);
  require(indices.M < kNowhere, "[gather] there must be fewer than ", kNowhere,
          " indices on a CUDA device; got ", indices.M, ".");
  const GatherSlices slices = gather_slices(indices.M);
  Tensor firsts = Tensor::full({slices.count(), indices.N}, kNowhere,
                               {.dtype = DType::i32, .device = dx.device()});
  int32_t* const first = device_data<int32_t>(firsts);
  cuda.launch_elements("gather", first_kernel, indices.M, indices, slices, first);
  dispatch_cuda_float("gather", dy.dtype(), [&]<class U>() {
    using A = Accumulator<U>;
    Tensor sums = Tensor::empty({indices.M, indices.D},
                                {.dtype = accumulator_of(dy.dtype()), .device = dx.device()});
    A* const partial = device_data<A>(sums);
    dispatch_width<U>(indices.D, [&]<int V>() {
      cuda.launch_elements("gather", sum_slice_kernel<V, U, A>,
                           indices.M * strips_of(indices.D, V) * kWarp, indices, slices, first,
                           device_data<U>(dy), partial);
    });
    dispatch_width<A>(indices.D, [&]<int V>() {
      dispatch_parameter<U>(dx.dtype(), [&]<class T>() {
        cuda.launch_elements("gather", sum_slices_kernel<V, A, T>, indices.N * kWarp, indices,
                             slices, first, partial, device_data<T>(dx));
      });
    });
  });
}

}  // namespace tessera

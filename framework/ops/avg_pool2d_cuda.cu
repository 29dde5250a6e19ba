#include "framework/ops/avg_pool2d.h"
#include "framework/ops/pool2d_cuda.h"

namespace tessera {
namespace {

template <class T, class A, int V>
__device__ void add_to(A (&total)[V], const T* from, A scale) {
  for_packs([&](int j, A value) { total[j] += value * scale; }, load_pack<V>(from));
}

template <class T, class A, int V>
__device__ void store_total(T* to, const A (&total)[V], A scale) {
  Pack<T, V> out;
#pragma unroll
  for (int j = 0; j < V; ++j) out.values[j] = static_cast<T>(total[j] * scale);
  store_pack(to, out);
}

/// One thread: V channels of an output.
template <class T, class Index, int V>
__global__ void __launch_bounds__(kThreadsPerBlock)
    mean_kernel(const __grid_constant__ Pooling pool, int64_t n, const T* x, T* y) {
  using A = Accumulator<T>;
  const auto [begin, end, step] = grid_thread().groups(n, V);
  for (int64_t i = begin; i < end; i += step) {
    const PixelGrid::Place at = pool.output.place(static_cast<Index>(i));
    const PoolWindow rows = pool.rows.window(at.row), columns = pool.columns.window(at.column);
    A total[V] = {};
    for (int64_t h = rows.begin; h < rows.end; ++h)
      for (int64_t w = columns.begin; w < columns.end; ++w)
        add_to(total, x + pool.input.index({at.image, h, w, at.channel}), A(1));
    store_total(y + i, total, A(1) / static_cast<A>(rows.count * columns.count));
  }
}

/// One thread: V channels of an input, which gathers its share of every window over it.
template <class T, class Index, int V>
__global__ void __launch_bounds__(kThreadsPerBlock)
    gradient_kernel(const __grid_constant__ Pooling pool, int64_t n, const T* dy, T* dx) {
  using A = Accumulator<T>;
  const auto [begin, end, step] = grid_thread().groups(n, V);
  for (int64_t i = begin; i < end; i += step) {
    const PixelGrid::Place at = pool.input.place(static_cast<Index>(i));
    const PoolAxis::Range rows = pool.rows.windows_over<Index>(at.row);
    const PoolAxis::Range columns = pool.columns.windows_over<Index>(at.column);
    A total[V] = {};
    for (int64_t p = rows.begin; p < rows.end; ++p) {
      for (int64_t q = columns.begin; q < columns.end; ++q) {
        const int64_t count = pool.rows.window(p).count * pool.columns.window(q).count;
        add_to(total, dy + pool.output.index({at.image, p, q, at.channel}),
               A(1) / static_cast<A>(count));
      }
    }
    store_total(dx + i, total, A(1));
  }
}

}  // namespace

void window_mean_forward(Cuda& cuda, const Tensor& x, const PoolAxis& rows, const PoolAxis& columns,
                         Tensor& y) {
  dispatch_pool("avg_pool2d", y, [&]<class T, class Index, int V>() {
    cuda.launch_elements("avg_pool2d", mean_kernel<T, Index, V>, groups_of(y.numel(), V),
                         Pooling(rows, columns, x, y), y.numel(), device_data<T>(x),
                         device_data<T>(y));
  });
}

void window_mean_backward(Cuda& cuda, const Tensor& dy, const PoolAxis& rows,
                          const PoolAxis& columns, Tensor& dx) {
  dispatch_pool("avg_pool2d", dx, [&]<class T, class Index, int V>() {
    cuda.launch_elements("avg_pool2d", gradient_kernel<T, Index, V>, groups_of(dx.numel(), V),
                         Pooling(rows, columns, dx, dy), dx.numel(), device_data<T>(dy),
                         device_data<T>(dx));
  });
}

}  // namespace tessera

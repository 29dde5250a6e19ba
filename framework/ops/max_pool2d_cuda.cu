#include "framework/ops/max_pool2d.h"
#include "framework/ops/pool2d_cuda.h"

namespace tessera {
namespace {

/// Where the positions of maxima are kept: one of the two is null, or both are.
template <class Byte, class Word>
struct Positions {
  Byte* bytes;
  Word* words;
};
using PositionsOut = Positions<uint8_t, int32_t>;
using PositionsIn = Positions<const uint8_t, const int32_t>;

/// One thread: V channels of an output.
template <class T, class Index, int V>
__global__ void __launch_bounds__(kThreadsPerBlock)
    max_kernel(const __grid_constant__ Pooling pool, bool relu, int64_t n, const T* x, T* y,
               PositionsOut positions) {
  using A = Accumulator<T>;
  const auto [begin, end, step] = grid_thread().groups(n, V);
  for (int64_t i = begin; i < end; i += step) {
    const PixelGrid::Place at = pool.output.place(static_cast<Index>(i));
    const PoolWindow rows = pool.rows.window(at.row), columns = pool.columns.window(at.column);
    const int64_t row0 = pool.rows.first(at.row), column0 = pool.columns.first(at.column);
    const int S = static_cast<int>(pool.columns.kernel());
    Pack<T, V> best{};
    Pack<int32_t, V> position{};
    if (relu)
#pragma unroll
      for (int j = 0; j < V; ++j)
        position.values[j] = static_cast<int>(pool.rows.kernel() * pool.columns.kernel());
    bool is_first = !relu;
    for (int64_t h = rows.begin; h < rows.end; ++h) {
      for (int64_t w = columns.begin; w < columns.end; ++w) {
        const Pack<T, V> in = load_pack<V>(x + pool.input.index({at.image, h, w, at.channel}));
        const int tap = static_cast<int>(h - row0) * S + static_cast<int>(w - column0);
#pragma unroll
        for (int j = 0; j < V; ++j) {
          const A value = static_cast<A>(in.values[j]), max = static_cast<A>(best.values[j]);
          const bool larger = is_first || value > max || (!relu && value != value && max == max);
          best.values[j] = larger ? in.values[j] : best.values[j];
          position.values[j] = larger ? tap : position.values[j];
        }
        is_first = false;
      }
    }
    store_pack(y + i, best);
    if (positions.words != nullptr) store_pack(positions.words + i, position);
    if (positions.bytes == nullptr) continue;
    Pack<uint8_t, V> narrow;
#pragma unroll
    for (int j = 0; j < V; ++j) narrow.values[j] = static_cast<uint8_t>(position.values[j]);
    store_pack(positions.bytes + i, narrow);
  }
}

/// One thread: V channels of an input, which asks every window over it whether it holds the
/// maximum.
template <class T, class Index, int V>
__global__ void __launch_bounds__(kThreadsPerBlock)
    gradient_kernel(const __grid_constant__ Pooling pool, int64_t n, PositionsIn positions,
                    const T* dy, T* dx) {
  using A = Accumulator<T>;
  const auto [begin, end, step] = grid_thread().groups(n, V);
  for (int64_t i = begin; i < end; i += step) {
    const PixelGrid::Place at = pool.input.place(static_cast<Index>(i));
    const PoolAxis::Range rows = pool.rows.windows_over<Index>(at.row);
    const PoolAxis::Range columns = pool.columns.windows_over<Index>(at.column);
    const int S = static_cast<int>(pool.columns.kernel());
    A total[V] = {};
    for (int64_t p = rows.begin; p < rows.end; ++p) {
      for (int64_t q = columns.begin; q < columns.end; ++q) {
        const int64_t from = pool.output.index({at.image, p, q, at.channel});
        const int tap = static_cast<int>(at.row - pool.rows.first(p)) * S +
                        static_cast<int>(at.column - pool.columns.first(q));
        Pack<int32_t, V> position;
        if (positions.words != nullptr) {
          position = load_pack<V>(positions.words + from);
        } else {
          const Pack<uint8_t, V> narrow = load_pack<V>(positions.bytes + from);
#pragma unroll
          for (int j = 0; j < V; ++j) position.values[j] = narrow.values[j];
        }
        const Pack<T, V> gradient = load_pack<V>(dy + from);
#pragma unroll
        for (int j = 0; j < V; ++j)
          total[j] += position.values[j] == tap ? static_cast<A>(gradient.values[j]) : A(0);
      }
    }
    Pack<T, V> out;
#pragma unroll
    for (int j = 0; j < V; ++j) out.values[j] = static_cast<T>(total[j]);
    store_pack(dx + i, out);
  }
}

Pooling pooling(const Tensor& x, const MaxPool2dOptions& o, const Tensor& y) {
  return {PoolAxis::sliding(x.dim(2), o.kernel[0], o.stride[0], o.padding[0]),
          PoolAxis::sliding(x.dim(3), o.kernel[1], o.stride[1], o.padding[1]), x, y};
}

}  // namespace

void max_pool2d_forward(Cuda& cuda, const Tensor& x, const MaxPool2dOptions& options, Tensor& y,
                        Tensor& position) {
  const bool is_byte = position.defined() && position.dtype() == DType::u8;
  const bool is_word = position.defined() && !is_byte;
  const PositionsOut positions{is_byte ? device_data<uint8_t>(position) : nullptr,
                               is_word ? device_data<int32_t>(position) : nullptr};
  dispatch_pool("max_pool2d", y, [&]<class T, class Index, int V>() {
    cuda.launch_elements("max_pool2d", max_kernel<T, Index, V>, groups_of(y.numel(), V),
                         pooling(x, options, y), options.relu, y.numel(), device_data<T>(x),
                         device_data<T>(y), positions);
  });
}

void max_pool2d_backward(Cuda& cuda, const Tensor& position, const Tensor& dy,
                         const MaxPool2dOptions& options, Tensor& dx) {
  const bool is_byte = position.dtype() == DType::u8;
  const PositionsIn positions{is_byte ? device_data<uint8_t>(position) : nullptr,
                              is_byte ? nullptr : device_data<int32_t>(position)};
  dispatch_pool("max_pool2d", dx, [&]<class T, class Index, int V>() {
    cuda.launch_elements("max_pool2d", gradient_kernel<T, Index, V>, groups_of(dx.numel(), V),
                         pooling(dx, options, dy), dx.numel(), positions, device_data<T>(dy),
                         device_data<T>(dx));
  });
}

}  // namespace tessera

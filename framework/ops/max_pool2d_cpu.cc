#include <limits>
#include <type_traits>

#include "framework/backend/vectorized.h"
#include "framework/ops/max_pool2d.h"

namespace tessera {
namespace {

/// Sets best[c] = value[c] and at[c] = position where value[c] is larger, or the first NaN. Under
/// relu NaN is never larger than a maximum, which is at least 0.
template <bool kRelu, class T, class Index>
void take_larger(const T* value, int64_t position, int64_t C, T* best, Index* at) {
  for (int64_t c = 0; c < C; ++c) {
    const bool larger =
        value[c] > best[c] || (!kRelu && value[c] != value[c] && best[c] == best[c]);
    best[c] = larger ? value[c] : best[c];
    if constexpr (!std::is_void_v<Index>) at[c] = larger ? static_cast<Index>(position) : at[c];
  }
}

/// The window of output `p`: its first input position, and the taps [begin, end) that lie inside.
struct Taps {
  Taps(int64_t p, size_t axis, int64_t extent, const MaxPool2dOptions& o)
      : first(p * o.stride[axis] - o.padding[axis]),
        begin(std::max<int64_t>(0, -first)),
        end(std::min(o.kernel[axis], extent - first)) {}
  int64_t first, begin, end;
};

/// One row of outputs: y and at are [Q, C], image is [H, W, C].
template <bool kRelu, class T, class Index>
void pool_row(const T* image, const Shape& x, const MaxPool2dOptions& o, int64_t p, int64_t Q, T* y,
              Index* at) {
  const int64_t C = x[1], H = x[2], W = x[3];
  const Taps rows(p, 0, H, o);
  for (int64_t q = 0; q < Q; ++q) {
    const Taps columns(q, 1, W, o);
    T* const best = y + q * C;
    Index* to = nullptr;
    if constexpr (!std::is_void_v<Index>) {
      to = at + q * C;
      std::fill_n(to, C,
                  static_cast<Index>(kRelu ? o.kernel[0] * o.kernel[1]
                                           : rows.begin * o.kernel[1] + columns.begin));
    }
    if constexpr (kRelu)
      std::fill_n(best, C, T(0));
    else
      std::copy_n(image + ((rows.first + rows.begin) * W + columns.first + columns.begin) * C, C,
                  best);
    for (int64_t r = rows.begin; r < rows.end; ++r)
      for (int64_t s = columns.begin; s < columns.end; ++s)
        take_larger<kRelu>(image + ((rows.first + r) * W + columns.first + s) * C,
                           r * o.kernel[1] + s, C, best, to);
  }
}

template <bool kRelu, class T, class Index>
void forward(const Cpu& cpu, const Tensor& x, const MaxPool2dOptions& options, T* y, Index* at) {
  const T* const in = x.data<T>();
  const Shape shape = x.shape();
  const int64_t C = shape[1],
                P = (shape[2] + 2 * options.padding[0] - options.kernel[0]) / options.stride[0] + 1;
  const int64_t Q = (shape[3] + 2 * options.padding[1] - options.kernel[1]) / options.stride[1] + 1;
  const int64_t image = C * shape[2] * shape[3];
  cpu.parallel_for(shape[0] * P, 16384 / (Q * C + 1) + 1, [&](int64_t begin, int64_t end) {
    vectorized(cpu.isa(), [&] {
      for (int64_t row = begin; row < end; ++row) {
        Index* to = nullptr;
        if constexpr (!std::is_void_v<Index>) to = at + row * Q * C;
        pool_row<kRelu, T, Index>(in + row / P * image, shape, options, row % P, Q, y + row * Q * C,
                                  to);
      }
    });
  });
}

template <class T, class Index>
void backward(const Cpu& cpu, const Shape& shape, const MaxPool2dOptions& o, const Tensor& dy,
              const Index* at, T* dx) {
  const int64_t C = shape[1], H = shape[2], W = shape[3];
  const int64_t P = dy.dim(2), Q = dy.dim(3);
  const T* const gradients = dy.data<T>();
  cpu.parallel_for(shape[0], 1, [&](int64_t begin, int64_t end) {
    std::fill(dx + begin * H * W * C, dx + end * H * W * C, T(0));
    for (int64_t i = begin * P * Q; i < end * P * Q; ++i) {
      const int64_t h = i / Q % P * o.stride[0] - o.padding[0];
      const int64_t w = i % Q * o.stride[1] - o.padding[1];
      T* const image = dx + i / (P * Q) * H * W * C;
      for (int64_t c = 0; c < C; ++c) {
        const int64_t position = at[i * C + c];
        if (position == o.kernel[0] * o.kernel[1]) continue;
        const int64_t pixel = (h + position / o.kernel[1]) * W + w + position % o.kernel[1];
        image[pixel * C + c] += gradients[i * C + c];
      }
    }
  });
}

}  // namespace

void max_pool2d_forward(Cpu& cpu, const Tensor& x, const MaxPool2dOptions& options, Tensor& y,
                        Tensor& position) {
  dispatch_float("max_pool2d", x.dtype(), [&]<class T>() {
    const auto run = [&]<class Index>(Index* at) {
      if (options.relu)
        forward<true>(cpu, x, options, y.data<T>(), at);
      else
        forward<false>(cpu, x, options, y.data<T>(), at);
    };
    if (!position.defined())
      run(static_cast<void*>(nullptr));
    else if (position.dtype() == DType::u8)
      run(position.data<uint8_t>());
    else
      run(position.data<int32_t>());
  });
}

void max_pool2d_backward(Cpu& cpu, const Tensor& position, const Tensor& dy,
                         const MaxPool2dOptions& options, Tensor& dx) {
  dispatch_float("max_pool2d", dy.dtype(), [&]<class T>() {
    if (position.dtype() == DType::u8)
      backward(cpu, dx.shape(), options, dy, position.data<uint8_t>(), dx.data<T>());
    else
      backward(cpu, dx.shape(), options, dy, position.data<int32_t>(), dx.data<T>());
  });
}

}  // namespace tessera

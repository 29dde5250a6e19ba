#include "framework/backend/vectorized.h"
#include "framework/ops/avg_pool2d.h"

namespace tessera {

void window_mean_forward(Cpu& cpu, const Tensor& x, const PoolAxis& rows, const PoolAxis& columns,
                         Tensor& y) {
  const int64_t C = x.dim(1), H = x.dim(2), W = x.dim(3), P = y.dim(2), Q = y.dim(3);
  dispatch_float("avg_pool2d", x.dtype(), [&]<class T>() {
    const T* const in = x.data<T>();
    T* const out = y.data<T>();
    const auto pool = [&](const T* image, const PoolWindow& row, const PoolWindow& column, T* to) {
      std::fill_n(to, C, T(0));
      for (int64_t h = row.begin; h < row.end; ++h)
        for (int64_t w = column.begin; w < column.end; ++w)
          for (int64_t c = 0; c < C; ++c) to[c] += image[(h * W + w) * C + c];
      const T scale = T(1) / static_cast<T>(row.count * column.count);
      for (int64_t c = 0; c < C; ++c) to[c] *= scale;
    };
    cpu.parallel_for(x.dim(0) * P, 1, [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] {
        for (int64_t i = begin; i < end; ++i)
          for (int64_t q = 0; q < Q; ++q)
            pool(in + i / P * H * W * C, rows.window(i % P), columns.window(q),
                 out + (i * Q + q) * C);
      });
    });
  });
}

void window_mean_backward(Cpu& cpu, const Tensor& dy, const PoolAxis& rows, const PoolAxis& columns,
                          Tensor& dx) {
  const int64_t C = dx.dim(1), H = dx.dim(2), W = dx.dim(3), P = dy.dim(2), Q = dy.dim(3);
  dispatch_float("avg_pool2d", dy.dtype(), [&]<class T>() {
    const T* const in = dy.data<T>();
    T* const out = dx.data<T>();
    const auto spread = [&](const T* from, const PoolWindow& row, const PoolWindow& column,
                            T* image) {
      const T scale = T(1) / static_cast<T>(row.count * column.count);
      for (int64_t h = row.begin; h < row.end; ++h)
        for (int64_t w = column.begin; w < column.end; ++w)
          for (int64_t c = 0; c < C; ++c) image[(h * W + w) * C + c] += from[c] * scale;
    };
    cpu.parallel_for(dx.dim(0), 1, [&](int64_t begin, int64_t end) {
      vectorized(cpu.isa(), [&] {
        std::fill(out + begin * H * W * C, out + end * H * W * C, T(0));
        for (int64_t i = begin * P * Q; i < end * P * Q; ++i)
          spread(in + i * C, rows.window(i / Q % P), columns.window(i % Q),
                 out + i / (P * Q) * H * W * C);
      });
    });
  });
}

}  // namespace tessera

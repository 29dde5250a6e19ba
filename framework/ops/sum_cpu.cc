#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/sum.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {
namespace {

// Elements added in one chain before a partial sum is written: sums in two levels lose fewer bits
// than one long chain, and a column sum over few outputs still has work for every thread.
constexpr int64_t kSegment = 16384;

template <class T>
void sum_rows(const T* x, int64_t n, int64_t inner, T* y) {
  if (inner == 1) {
    *y = vector_math::lane_sum<T>(n, [x](int64_t i) { return x[i]; });
    return;
  }
  std::fill_n(y, inner, T(0));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < inner; ++j) y[j] += x[i * inner + j];
}

template <class T>
void sum_axis(Cpu& cpu, const T* x, int64_t outer, int64_t n, int64_t inner, T* y) {
  const int64_t length = std::max<int64_t>(kSegment / std::max<int64_t>(inner, 1), 32);
  const int64_t segments = std::max<int64_t>((n + length - 1) / length, 1);
  std::vector<T> partial(static_cast<size_t>(segments == 1 ? 0 : outer * segments * inner));
  T* const sums = segments == 1 ? y : partial.data();
  const int64_t work = std::max<int64_t>(std::min(n, length) * inner, 1);
  cpu.parallel_for(outer * segments, std::max<int64_t>(kElementwiseGrain / work, 1),
                   [&](int64_t begin, int64_t end) {
                     vectorized(cpu.isa(), [&] {
                       for (int64_t i = begin; i < end; ++i) {
                         const int64_t from = i % segments * length;
                         sum_rows(x + (i / segments * n + from) * inner, std::min(length, n - from),
                                  inner, sums + i * inner);
                       }
                     });
                   });
  if (segments > 1) sum_axis(cpu, sums, outer, segments, inner, y);
}

}  // namespace

void sum_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  dispatch_float("sum", x.dtype(), [&]<class T>() {
    sum_axis(cpu, x.data<T>(), x.dim(0), x.dim(1), x.dim(2), y.data<T>());
  });
}

void sum_backward(Cpu& cpu, const Tensor& dy, Tensor& dx) {
  const Shape shape = memory_shape(dy);
  map_broadcast(
      "sum", cpu, [](auto grad, auto) { return grad; }, dx, memory_shape(dx), dy, shape, dy, shape);
}

}  // namespace tessera

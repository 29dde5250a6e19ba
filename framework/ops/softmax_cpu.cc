#include "framework/ops/rows_cpu.h"
#include "framework/ops/softmax.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void softmax_forward(Cpu& cpu, const Tensor& x, int axis, Tensor& y) {
  const auto line = []<class T>(int64_t n, T* out, const T* in) {
    const T max = vector_math::lane_max(n, in);
    for (int64_t i = 0; i < n; ++i) out[i] = vector_math::exp(in[i] - max);
    const T scale = T(1) / vector_math::lane_sum<T>(n, [out](int64_t i) { return out[i]; });
    for (int64_t i = 0; i < n; ++i) out[i] *= scale;
  };
  map_lines("softmax", cpu, axis, line, y, x);
}

void softmax_backward(Cpu& cpu, const Tensor& y, const Tensor& dy, int axis, Tensor& dx) {
  const auto line = []<class T>(int64_t n, T* out, const T* prob, const T* grad) {
    const T dot = vector_math::lane_sum<T>(n, [=](int64_t i) { return prob[i] * grad[i]; });
    for (int64_t i = 0; i < n; ++i) out[i] = prob[i] * (grad[i] - dot);
  };
  map_lines("softmax", cpu, axis, line, dx, y, dy);
}

}  // namespace tessera

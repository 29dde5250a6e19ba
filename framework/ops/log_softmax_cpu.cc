#include "framework/ops/log_softmax.h"
#include "framework/ops/rows_cpu.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void log_softmax_forward(Cpu& cpu, const Tensor& x, int axis, Tensor& y) {
  const auto line = []<class T>(int64_t n, T* out, const T* in) {
    const T max = vector_math::lane_max(n, in);
    const T sum =
        vector_math::lane_sum<T>(n, [=](int64_t i) { return vector_math::exp(in[i] - max); });
    const T log_sum = std::log(sum);
    for (int64_t i = 0; i < n; ++i) out[i] = (in[i] - max) - log_sum;
  };
  map_lines("log_softmax", cpu, axis, line, y, x);
}

void log_softmax_backward(Cpu& cpu, const Tensor& y, const Tensor& dy, int axis, Tensor& dx) {
  const auto line = []<class T>(int64_t n, T* out, const T* log_prob, const T* grad) {
    const T sum = vector_math::lane_sum<T>(n, [grad](int64_t i) { return grad[i]; });
    for (int64_t i = 0; i < n; ++i) out[i] = grad[i] - vector_math::exp(log_prob[i]) * sum;
  };
  map_lines("log_softmax", cpu, axis, line, dx, y, dy);
}

}  // namespace tessera

#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/silu.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void silu_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  map_elements(
      "silu", cpu, [](auto value) { return value * vector_math::sigmoid(value); }, y, x);
}

void silu_backward(Cpu& cpu, const Tensor& x, const Tensor& dy, Tensor& dx) {
  map_elements(
      "silu", cpu,
      [](auto value, auto grad) {
        const auto s = vector_math::sigmoid(value);
        return grad * (s * (1 + value * (1 - s)));
      },
      dx, x, dy);
}

}  // namespace tessera

#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/gelu.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void gelu_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  map_elements(
      "gelu", cpu, [](auto value) { return value * vector_math::normal(value).cumulative; }, y, x);
}

void gelu_backward(Cpu& cpu, const Tensor& x, const Tensor& dy, Tensor& dx) {
  map_elements(
      "gelu", cpu,
      [](auto value, auto grad) {
        const auto at = vector_math::normal(value);
        return grad * (at.cumulative + value * at.density);
      },
      dx, x, dy);
}

}  // namespace tessera

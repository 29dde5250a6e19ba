#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/gelu.h"
#include "framework/ops/gelu_tanh.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void gelu_forward(Cpu& cpu, const Tensor& x, GeluForm form, Tensor& y) {
  if (form == GeluForm::exact)
    return map_elements(
        "gelu", cpu, [](auto value) { return value * vector_math::normal(value).cumulative; }, y,
        x);
  map_elements(
      "gelu", cpu, [](auto value) { return value * vector_math::sigmoid(GeluTanh(value).twice_u); },
      y, x);
}

void gelu_backward(Cpu& cpu, const Tensor& x, const Tensor& dy, GeluForm form, Tensor& dx) {
  if (form == GeluForm::exact)
    return map_elements(
        "gelu", cpu,
        [](auto value, auto grad) {
          const auto at = vector_math::normal(value);
          return grad * (at.cumulative + value * at.density);
        },
        dx, x, dy);
  map_elements(
      "gelu", cpu,
      [](auto value, auto grad) {
        const GeluTanh at(value);
        const auto s = vector_math::sigmoid(at.twice_u);
        return grad * (s + value * s * (1 - s) * at.slope);
      },
      dx, x, dy);
}

}  // namespace tessera

#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/swiglu.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void swiglu_forward(Cpu& cpu, const Tensor& gate, const Tensor& x, Tensor& y) {
  map_elements(
      "swiglu", cpu,
      [](auto opening, auto value) { return opening * vector_math::sigmoid(opening) * value; }, y,
      gate, x);
}

void swiglu_backward_gate(Cpu& cpu, const Tensor& gate, const Tensor& x, const Tensor& dy,
                          Tensor& dgate) {
  map_elements(
      "swiglu", cpu,
      [](auto opening, auto value, auto grad) {
        const auto s = vector_math::sigmoid(opening);
        return grad * value * (s * (1 + opening * (1 - s)));
      },
      dgate, gate, x, dy);
}

}  // namespace tessera

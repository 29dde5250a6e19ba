#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/tanh.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void tanh_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  map_elements(
      "tanh", cpu, [](auto value) { return vector_math::tanh(value); }, y, x);
}

void tanh_backward(Cpu& cpu, const Tensor& y, const Tensor& dy, Tensor& dx) {
  map_elements(
      "tanh", cpu, [](auto out, auto grad) { return grad * (1 - out * out); }, dx, y, dy);
}

}  // namespace tessera

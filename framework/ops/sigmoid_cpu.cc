#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/sigmoid.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {

void sigmoid_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  map_elements(
      "sigmoid", cpu, [](auto value) { return vector_math::sigmoid(value); }, y, x);
}

void sigmoid_backward(Cpu& cpu, const Tensor& y, const Tensor& dy, Tensor& dx) {
  map_elements(
      "sigmoid", cpu, [](auto out, auto grad) { return grad * (out * (1 - out)); }, dx, y, dy);
}

}  // namespace tessera

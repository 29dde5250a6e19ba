#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/relu.h"

namespace tessera {

void relu_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  map_elements(
      "relu", cpu, [](auto value) { return value > 0 ? value : decltype(value)(0); }, y, x);
}

void relu_backward(Cpu& cpu, const Tensor& y, const Tensor& dy, Tensor& dx) {
  map_elements(
      "relu", cpu, [](auto out, auto grad) { return out > 0 ? grad : decltype(grad)(0); }, dx, y,
      dy);
}

}  // namespace tessera

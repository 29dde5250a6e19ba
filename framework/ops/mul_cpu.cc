#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/mul.h"

namespace tessera {

void mul_forward(Cpu& cpu, const Tensor& a, const Tensor& b, Tensor& y) {
  const auto f = [](auto left, auto right) { return left * right; };
  if (a.shape() == y.shape() && b.shape() == y.shape()) return map_elements("mul", cpu, f, y, a, b);
  map_broadcast("mul", cpu, f, y, memory_shape(y), a, memory_shape(a), b, memory_shape(b));
}

}  // namespace tessera

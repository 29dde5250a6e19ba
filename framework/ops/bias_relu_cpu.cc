#include "framework/ops/bias_relu.h"
#include "framework/ops/linear.h"
#include "framework/ops/relu.h"

namespace tessera {

void bias_relu_backward(Cpu& cpu, const Tensor& y, const Tensor& dy, Tensor& d, Tensor& dbias) {
  relu_backward(cpu, y, dy, d);
  if (!dbias.defined()) return;
  const int64_t C = std::max<int64_t>(dbias.numel(), 1);
  bias_backward(cpu, d.alias({d.numel() / C, C}, Layout::row_major), dbias);
}

}  // namespace tessera

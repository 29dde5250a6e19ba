#include "framework/ops/add.h"
#include "framework/ops/conv2d_fused.h"
#include "framework/ops/relu.h"

namespace tessera {

void conv2d_fused_forward(Cpu& cpu, const Tensor& x, const Tensor& filters,
                          const Conv2dEpilogue& epilogue, const Conv2dOptions& options, Tensor& y) {
  conv2d_forward(cpu, x, filters, epilogue.bias, options, y);
  if (epilogue.residual.defined()) add_forward(cpu, y, epilogue.residual, y);
  if (epilogue.relu) relu_forward(cpu, y, y);
}

}  // namespace tessera

#include "framework/ops/bias_relu.h"
#include "framework/ops/columns_cuda.h"
#include "framework/ops/relu.h"

namespace tessera {

void bias_relu_backward(Cuda& cuda, const Tensor& y, const Tensor& dy, Tensor& d, Tensor& dbias) {
  if (!dbias.defined()) return relu_backward(cuda, y, dy, d);
  const int64_t C = dbias.numel();
  sum_where_positive(cuda, "bias_relu", y, dy, C == 0 ? 0 : d.numel() / C, d, dbias);
}

}  // namespace tessera

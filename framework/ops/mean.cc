#include "framework/ops/mean.h"

#include "framework/ops/mul.h"

namespace tessera {

Tensor mean(const Tensor& x, const SumOptions& options) {
  const Tensor y = sum(x, options);
  const double share = static_cast<double>(y.numel()) / static_cast<double>(x.numel());
  return mul(y, Tensor::full({}, share, {y.dtype(), Layout::row_major, y.device()}));
}

}  // namespace tessera

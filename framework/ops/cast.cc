#include "framework/ops/cast.h"

#include "framework/autograd/autograd.h"

namespace tessera {

Tensor cast(const Tensor& x, DType dtype) {
  require(is_floating(x.dtype()) && is_floating(dtype),
          "[cast] both types must be f32, f64, bf16 or f16; got ", x, " to ", dtype, ".");
  if (x.dtype() == dtype) return x;
  return record(
      "cast", {x}, x.to(dtype),
      [from = x.dtype()](const Tensor& dy) -> Gradients { return {dy.to(from)}; }, dtype);
}

}  // namespace tessera

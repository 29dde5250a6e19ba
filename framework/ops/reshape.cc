#include "framework/ops/reshape.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {

Tensor reshape(const Tensor& x, const Shape& shape) {
  require_layout("reshape", x, Layout::row_major);
  require(shape.numel() == x.numel(), "[reshape] the number of elements must stay; got shape ",
          shape, " for ", x, ".");
  return record(
      "reshape", {x}, x.alias(shape),
      [shape = x.shape()](const Tensor& dy) -> Gradients { return {dy.alias(shape)}; }, shape);
}

}  // namespace tessera

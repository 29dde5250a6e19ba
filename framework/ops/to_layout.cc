#include "framework/ops/to_layout.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"
#include "framework/ops/transpose.h"

namespace tessera {
namespace {

Tensor moved(const Tensor& x, Layout layout) {
  Tensor y = Tensor::empty(x.shape(), {x.dtype(), layout, x.device()});
  Tensor memory = y.alias(memory_shape(y));
  const std::vector<int> axes =
      layout == Layout::nhwc ? std::vector{0, 2, 3, 1} : std::vector{0, 3, 1, 2};
  on_backend("to_layout", x.device(), [&](auto& backend) {
    transpose_forward(backend, x.alias(memory_shape(x)), axes, memory);
  });
  return y;
}

}  // namespace

Tensor to_layout(const Tensor& x, Layout layout) {
  if (x.layout() == layout) return x;
  require(x.layout() != Layout::panels && layout != Layout::panels,
          "[to_layout] conversion is between row_major and nhwc; got ", x, " to ", layout, ".");
  require(x.rank() == 4, "[to_layout] the input must be [N, C, H, W]; got ", x, " to ", layout,
          ".");
  const bool ordered_alike = x.dim(1) == 1 || x.dim(2) * x.dim(3) == 1;
  return record(
      "to_layout", {x}, ordered_alike ? x.alias(x.shape(), layout) : moved(x, layout),
      [from = x.layout()](const Tensor& dy) -> Gradients { return {to_layout(dy, from)}; }, layout);
}

}  // namespace tessera

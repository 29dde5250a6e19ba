#include "framework/ops/rotary.h"

#include "framework/autograd/autograd.h"

namespace tessera {
namespace {

Tensor turned(const Tensor& x, const RotaryOptions& options, int direction) {
  Tensor y = Tensor::empty_like(x);
  on_backend("rotary", x.device(),
             [&](auto& backend) { rotary_forward(backend, x, options, direction, y); });
  return y;
}

}  // namespace

Tensor rotary(const Tensor& x, double base, int64_t first_position) {
  require(x.rank() == 4 && x.layout() == Layout::row_major && x.dim(3) % 2 == 0,
          "[rotary] x must be row-major [N, T, H, D] with an even D; got ", x, ".");
  require(base > 0, "[rotary] base must be positive; got ", base, ".");
  const RotaryOptions options{base, first_position};
  return record(
      "rotary", {x}, turned(x, options, 1),
      [options](const Tensor& dy) -> Gradients { return {turned(dy, options, -1)}; }, options);
}

}  // namespace tessera

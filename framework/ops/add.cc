#include "framework/ops/add.h"

#include "framework/autograd/autograd.h"

namespace tessera {

Tensor add(const Tensor& a, const Tensor& b) {
  require(a.shape() == b.shape() && a.dtype() == b.dtype() && a.layout() == b.layout(),
          "[add] both inputs must agree in shape, type and layout; got ", a, " and ", b, ".");
  Tensor y = Tensor::empty_like(a);
  on_backend("add", a.device(), [&](auto& backend) { add_forward(backend, a, b, y); });
  return record("add", {a, b}, y, [](const Tensor& dy) -> Gradients { return {dy, dy}; });
}

void accumulate_gradient(Tensor& into, const Tensor& gradient) {
  if (!into.defined()) {
    into = gradient;
    return;
  }
  // The handle may be shared with another input's gradient: then the sum needs memory of its own.
  Tensor sum = into.is_unshared() ? into : Tensor::empty_like(into);
  on_backend("add", into.device(),
             [&](auto& backend) { add_forward(backend, into, gradient, sum); });
  into = sum;
}

}  // namespace tessera

#include "framework/ops/add.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/broadcast.h"

namespace tessera {

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor y = broadcast_result("add", a, b);
  on_backend("add", y.device(), [&](auto& backend) { add_forward(backend, a, b, y); });
  return record("add", {a, b}, y,
                [a = BroadcastInput(a), b = BroadcastInput(b)](const Tensor& dy) -> Gradients {
                  return {a.needs_gradient ? sum_to(dy, a) : Tensor{},
                          b.needs_gradient ? sum_to(dy, b) : Tensor{}};
                });
}

void accumulate_gradient(Tensor& into, const Tensor& gradient) {
  if (!into.defined()) {
    into = gradient;
    return;
  }
  require(into.shape() == gradient.shape() && into.layout() == gradient.layout(),
          "[backward] gradients of one tensor must agree in shape and layout; got ", gradient,
          " after ", into, ".");
  // The handle may be shared with another input's gradient: then the sum needs memory of its own.
  Tensor sum = into.is_unshared() ? into : Tensor::empty_like(into);
  on_backend("add", into.device(),
             [&](auto& backend) { add_forward(backend, into, gradient, sum); });
  into = sum;
}

}  // namespace tessera

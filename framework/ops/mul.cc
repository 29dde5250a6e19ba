#include "framework/ops/mul.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/broadcast.h"

namespace tessera {

Tensor mul(const Tensor& a, const Tensor& b) {
  Tensor y = broadcast_result("mul", a, b);
  on_backend("mul", y.device(), [&](auto& backend) { mul_forward(backend, a, b, y); });
  const BroadcastInput to_a(a), to_b(b);
  // Each factor is saved for the gradient of the other, and only where that is wanted.
  return record("mul", {a, b}, y,
                [to_a, to_b, a = to_b.needs_gradient ? a.detach() : Tensor{},
                 b = to_a.needs_gradient ? b.detach() : Tensor{}](const Tensor& dy) -> Gradients {
                  return {b.defined() ? sum_to(mul(dy, b), to_a) : Tensor{},
                          a.defined() ? sum_to(mul(dy, a), to_b) : Tensor{}};
                });
}

}  // namespace tessera

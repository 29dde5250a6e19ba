#include "framework/ops/dropout.h"

#include "framework/autograd/autograd.h"

namespace tessera {
namespace {

Tensor dropped(const Tensor& x, const DropoutOptions& options) {
  Tensor y = Tensor::empty_like(x);
  on_backend("dropout", x.device(),
             [&](auto& backend) { dropout_forward(backend, x, options, y); });
  return y;
}

}  // namespace

Tensor dropout(const Tensor& x, const DropoutOptions& options) {
  require(options.p >= 0 && options.p <= 1, "[dropout] p must be in [0, 1]; got ", options.p, ".");
  if (!options.training || options.p == 0) return x;
  const Tensor& step = options.step;
  require(!step.defined() ||
              (step.dtype() == DType::i32 && step.numel() == 1 && step.device() == x.device()),
          "[dropout] step must be i32[1] on the device of x; got ", step, " for ", x, ".");
  return record(
      "dropout", {x}, dropped(x, options),
      [options](const Tensor& dy) -> Gradients { return {dropped(dy, options)}; }, options);
}

}  // namespace tessera

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
  return record(
      "dropout", {x}, dropped(x, options),
      [options](const Tensor& dy) -> Gradients { return {dropped(dy, options)}; }, options);
}

}  // namespace tessera

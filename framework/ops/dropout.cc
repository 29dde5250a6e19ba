#include "framework/ops/dropout.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/add.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

Tensor dropped(const Tensor& x, const Tensor& residual, const DropoutOptions& options) {
  Tensor y = Tensor::empty_like(x);
  on_backend("dropout", x.device(),
             [&](auto& backend) { dropout_forward(backend, x, residual, options, y); });
  return y;
}

/// Whether anything is dropped.
bool drops(const Tensor& x, const DropoutOptions& options) {
  require(options.p >= 0 && options.p <= 1, "[dropout] p must be in [0, 1]; got ", options.p, ".");
  if (!options.training || options.p == 0) return false;
  const Tensor& step = options.step;
  require(!step.defined() ||
              (step.dtype() == DType::i32 && step.numel() == 1 && step.device() == x.device()),
          "[dropout] step must be i32[1] on the device of x; got ", step, " for ", x, ".");
  return true;
}

}  // namespace

Tensor dropout(const Tensor& x, const DropoutOptions& options) {
  if (!drops(x, options)) return x;
  return record(
      "dropout", {x}, dropped(x, {}, options),
      [options](const Tensor& dy) -> Gradients { return {dropped(dy, {}, options)}; }, options);
}

Tensor add_dropout(const Tensor& residual, const Tensor& x, const DropoutOptions& options) {
  require(residual.shape() == x.shape() && residual.layout() == x.layout() &&
              residual.dtype() == x.dtype(),
          "[dropout] the residual must be as x; got ", residual, " and ", x, ".");
  require_one_device("dropout", x, residual);
  if (!drops(x, options)) return add(residual, x);
  return record(
      "add_dropout", {residual, x}, dropped(x, residual, options),
      [options, needs_dx = needs_gradient({x})](const Tensor& dy) -> Gradients {
        return {dy, needs_dx ? dropped(dy, {}, options) : Tensor{}};
      },
      options);
}

}  // namespace tessera

#include "framework/ops/batch_norm.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

/// The type of weight, bias and statistics.
DType statistics_type(const Tensor& x) { return accumulator_of(x.dtype()); }

void check_vector(const char* name, const Tensor& vector, const Tensor& x, bool optional) {
  const bool fits = vector.defined()
                        ? vector.shape() == Shape{x.dim(1)} && vector.dtype() == statistics_type(x)
                        : optional;
  require(fits, "[batch_norm] ", name, " must be ", statistics_type(x), "[", x.dim(1),
          "] for x = ", x, "; got ", vector, ".");
}

void check(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
           const Tensor& running_var, const BatchNormOptions& options, const Tensor& residual) {
  require(x.rank() == 4 && x.layout() == Layout::nhwc,
          "[batch_norm] x must be [N, C, H, W] in layout nhwc; got ", x, ".",
          x.rank() == 4 ? " Convert it with to_layout()." : "");
  require(weight.defined() == bias.defined(),
          "[batch_norm] weight and bias must both be defined or both not; got ", weight, " and ",
          bias, ".");
  check_vector("weight", weight, x, true);
  check_vector("bias", bias, x, true);
  require(running_mean.defined() == running_var.defined(),
          "[batch_norm] running_mean and running_var must both be defined or both not; got ",
          running_mean, " and ", running_var, ".");
  check_vector("running_mean", running_mean, x, options.training);
  check_vector("running_var", running_var, x, options.training);
  for (const Tensor* other : {&weight, &bias, &running_mean, &running_var, &residual})
    if (other->defined()) require_one_device("batch_norm", x, *other);
  require(!residual.defined() || (residual.shape() == x.shape() && residual.dtype() == x.dtype() &&
                                  residual.layout() == x.layout()),
          "[batch_norm] the residual must have the shape, type and layout of x = ", x, "; got ",
          residual, ".");
  require(options.epsilon > 0, "[batch_norm] epsilon must be positive; got ", options.epsilon, ".");
  require(options.momentum >= 0 && options.momentum <= 1,
          "[batch_norm] momentum must be in [0, 1]; got ", options.momentum, ".");
  require(!options.training || x.dim(0) * x.dim(2) * x.dim(3) > 1,
          "[batch_norm] training needs more than one value a channel; got ", x,
          ". Use a larger batch.");
}

/// The statistics to normalise with; in training they also move the running ones.
std::pair<Tensor, Tensor> statistics(const Tensor& x, Tensor running_mean, Tensor running_var,
                                     const BatchNormOptions& options) {
  // Copies: the running statistics may change before backward() reads them.
  if (!options.training) return {running_mean.clone(), running_var.clone()};
  const TensorOptions vector{.dtype = statistics_type(x), .device = x.device()};
  Tensor mean = Tensor::empty({x.dim(1)}, vector), var = Tensor::empty({x.dim(1)}, vector);
  on_backend("batch_norm", x.device(), [&](auto& backend) {
    batch_norm_statistics(backend, x, options.momentum, mean, var, running_mean, running_var);
  });
  return {mean, var};
}

Tensor detached(const Tensor& tensor) { return tensor.defined() ? tensor.detach() : Tensor{}; }

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options, const Tensor& residual) {
  check(x, weight, bias, running_mean, running_var, options, residual);
  Tensor y = Tensor::empty_like(x);
  const auto [mean, var] = statistics(x, running_mean, running_var, options);
  const BatchNormInputs in{x.detach(), mean, var, detached(weight), detached(bias)};
  on_backend("batch_norm", x.device(),
             [&](auto& backend) { batch_norm_forward(backend, in, residual, options, y); });
  const bool needs_dresidual = needs_gradient({residual});
  auto backward = [in, y_saved = options.relu && residual.defined() ? y.detach() : Tensor{},
                   options, needs_dresidual,
                   needs_dx = needs_gradient({x})](const Tensor& dy) -> Gradients {
    BatchNormGradients out;
    out.dweight = Tensor::empty_like(in.mean);
    out.dbias = Tensor::empty_like(in.mean);
    if (needs_dx) out.dx = Tensor::empty_like(dy);
    if (y_saved.defined()) out.dresidual = Tensor::empty_like(dy);
    on_backend("batch_norm", dy.device(),
               [&](auto& backend) { batch_norm_backward(backend, in, y_saved, dy, options, out); });
    if (!y_saved.defined()) out.dresidual = dy;
    return {out.dx, out.dweight, out.dbias, {}, {}, needs_dresidual ? out.dresidual : Tensor{}};
  };
  return record("batch_norm", {x, weight, bias, running_mean, running_var, residual}, y, backward,
                options);
}

}  // namespace tessera

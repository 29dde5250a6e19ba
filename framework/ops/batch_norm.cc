#include "framework/ops/batch_norm.h"

#include "framework/autograd/autograd.h"

namespace tessera {
namespace {

void check_vector(const char* name, const Tensor& vector, const Tensor& x, bool optional) {
  const bool fits = vector.defined()
                        ? vector.shape() == Shape{x.dim(1)} && vector.dtype() == x.dtype()
                        : optional;
  require(fits, "[batch_norm] ", name, " must be ", x.dtype(), "[", x.dim(1), "] for x = ", x,
          "; got ", vector, ".");
}

void check(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
           const Tensor& running_var, const BatchNormOptions& options) {
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
  const TensorOptions vector{.dtype = x.dtype(), .device = x.device()};
  Tensor mean = Tensor::empty({x.dim(1)}, vector), var = Tensor::empty({x.dim(1)}, vector);
  on_backend("batch_norm", x.device(), [&](auto& backend) {
    batch_norm_statistics(backend, x, mean, var);
    if (running_mean.defined())
      batch_norm_update(backend, mean, var, x.dim(0) * x.dim(2) * x.dim(3), options.momentum,
                        running_mean, running_var);
  });
  return {mean, var};
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options) {
  check(x, weight, bias, running_mean, running_var, options);
  Tensor y = Tensor::empty_like(x);
  const auto [mean, var] = statistics(x, running_mean, running_var, options);
  on_backend("batch_norm", x.device(), [&](auto& backend) {
    batch_norm_forward(backend, x, mean, var, weight, bias, options.epsilon, y);
  });
  const Tensor weight_saved = weight.defined() ? weight.detach() : Tensor{};
  auto backward = [x = x.detach(), weight_saved, mean = mean, var = var, options,
                   needs_dx = needs_gradient({x})](const Tensor& dy) -> Gradients {
    Tensor dx = needs_dx ? Tensor::empty_like(dy) : Tensor{};
    Tensor dweight = Tensor::empty_like(mean), dbias = Tensor::empty_like(mean);
    on_backend("batch_norm", dy.device(), [&](auto& backend) {
      batch_norm_backward(backend, x, dy, mean, var, weight_saved, options, dx, dweight, dbias);
    });
    return {dx, dweight, dbias, {}, {}};
  };
  return record("batch_norm", {x, weight, bias, running_mean, running_var}, y, backward, options);
}

}  // namespace tessera

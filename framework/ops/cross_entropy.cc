#include "framework/ops/cross_entropy.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {

Tensor cross_entropy(const Tensor& x, const Tensor& target, const CrossEntropyOptions& options) {
  require_layout("cross_entropy", x, Layout::row_major);
  require(x.rank() == 2, "[cross_entropy] the logits must be [N, C]; got ", x, ".");
  require(target.dtype() == DType::i64 && target.rank() == 1 && target.dim(0) == x.dim(0),
          "[cross_entropy] the target must be i64[", x.dim(0), "], one class a row of ", x,
          "; got ", target, ".");
  require(options.label_smoothing >= 0 && options.label_smoothing <= 1,
          "[cross_entropy] label_smoothing must be in [0, 1]; got ", options.label_smoothing, ".");
  Tensor y = Tensor::empty({}, x.options());
  Tensor log_sum_exp = Tensor::empty({x.dim(0)}, x.options());
  on_backend("cross_entropy", x.device(), [&](auto& backend) {
    cross_entropy_forward(backend, x, target, options, log_sum_exp, y);
  });
  return record(
      "cross_entropy", {x, target}, y,
      [x = x.detach(), target, log_sum_exp, options](const Tensor& dy) -> Gradients {
        Tensor dx = Tensor::empty_like(x);
        on_backend("cross_entropy", dy.device(), [&](auto& backend) {
          cross_entropy_backward(backend, x, target, options, log_sum_exp, dy, dx);
        });
        return {dx, {}};
      },
      options);
}

}  // namespace tessera

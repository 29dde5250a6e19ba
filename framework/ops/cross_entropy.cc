#include "framework/ops/cross_entropy.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {

std::string describe_wrong_target(const KernelError::Values& values) {
  const auto [target, row, classes, ignore_index] = values;
  return concat("[cross_entropy] a target must be in [0, ", classes, ") or ", ignore_index,
                " (ignored); got ", target, " at row ", row, ". Check num_classes and the labels.");
}

Tensor cross_entropy(const Tensor& x, const Tensor& target, const CrossEntropyOptions& options) {
  require_layout("cross_entropy", x, Layout::row_major);
  require(x.rank() == 2, "[cross_entropy] the logits must be [N, C]; got ", x, ".");
  require(target.dtype() == DType::i64 && target.rank() == 1 && target.dim(0) == x.dim(0),
          "[cross_entropy] the target must be i64[", x.dim(0), "], one class a row of ", x,
          "; got ", target, ".");
  require(options.label_smoothing >= 0 && options.label_smoothing <= 1,
          "[cross_entropy] label_smoothing must be in [0, 1]; got ", options.label_smoothing, ".");
  require(options.classes >= 0 && options.classes <= x.dim(1),
          "[cross_entropy] classes must be in [0, ", x.dim(1), "], columns of ", x, "; got ",
          options.classes, ".");
  require_one_device("cross_entropy", x, target);
  const TensorOptions sums{accumulator_of(x.dtype()), Layout::row_major, x.device()};
  Tensor y = Tensor::empty({}, sums), saved = Tensor::empty({x.dim(0) + 1}, sums);
  on_backend("cross_entropy", x.device(),
             [&](auto& backend) { cross_entropy_forward(backend, x, target, options, saved, y); });
  return record(
      "cross_entropy", {x, target}, y,
      [x = x.detach(), target, saved, options](const Tensor& dy) -> Gradients {
        Tensor dx = Tensor::empty_like(x);
        on_backend("cross_entropy", dy.device(), [&](auto& backend) {
          cross_entropy_backward(backend, x, target, options, saved, dy, dx);
        });
        return {dx, {}};
      },
      options);
}

}  // namespace tessera

#include "framework/ops/masked_mean.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"
#include "framework/ops/index_range.h"

namespace tessera {
namespace {

std::string describe_wrong_length(const KernelError::Values& values) {
  const auto [length, place, end, extent] = values;
  return concat("[masked_mean] a length must be in [0, ", end - 1, "], the positions of x; got ",
                length, " at place ", place, " of ", extent, ".");
}

}  // namespace

Tensor masked_mean(const Tensor& x, const Tensor& lengths) {
  require_layout("masked_mean", x, Layout::row_major);
  require(x.rank() == 3, "[masked_mean] x must be [N, T, D]; got ", x, ".");
  require(lengths.dtype() == DType::i64 && lengths.shape() == Shape{x.dim(0)},
          "[masked_mean] the lengths must be i64[", x.dim(0), "], one a row of ", x, "; got ",
          lengths, ".");
  require_one_device("masked_mean", x, lengths);
  Tensor y = Tensor::empty({x.dim(0), x.dim(2)}, x.options());
  on_backend("masked_mean", x.device(), [&](auto& backend) {
    check_indices(backend, lengths, {x.dim(1) + 1, x.dim(0), &describe_wrong_length});
    masked_mean_forward(backend, x, lengths, y);
  });
  return record("masked_mean", {x, lengths}, y,
                [lengths = lengths.detach(), shape = x.shape()](const Tensor& dy) -> Gradients {
                  Tensor dx = Tensor::empty(shape, dy.options());
                  on_backend("masked_mean", dy.device(), [&](auto& backend) {
                    masked_mean_backward(backend, dy, lengths, dx);
                  });
                  return {dx, {}};
                });
}

}  // namespace tessera

#include "framework/ops/span_scores.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/add.h"
#include "framework/ops/axes.h"
#include "framework/ops/mul.h"
#include "framework/ops/padding.h"
#include "framework/ops/transpose.h"

namespace tessera {

Tensor span_scores(const Tensor& x, const Tensor& lengths) {
  require(x.rank() == 3 && x.layout() == Layout::row_major,
          "[span_scores] x must be row-major [N, T, K]; got ", x, ".");
  require(lengths.dtype() == DType::i64 && lengths.shape() == Shape{x.dim(0)},
          "[span_scores] the lengths must be i64[", x.dim(0), "], one a row of ", x, "; got ",
          lengths, ".");
  require_one_device("span_scores", x, lengths);
  const std::vector<int> axes{0, 2, 1};
  Tensor y = Tensor::empty({x.dim(0), x.dim(2), x.dim(1)}, x.options());
  const Tensor padding = padding_scores(lengths, x.dim(1), x);
  const Tensor keep = by_length(lengths, x.dim(1), x, 1, 0);
  on_backend("span_scores", x.device(), [&](auto& backend) {
    transpose_forward(backend, x, axes, y);
    mul_forward(backend, y, keep, y);
    add_forward(backend, y, padding, y);
  });
  return record("span_scores", {x, lengths}, y, [axes, keep](const Tensor& dy) -> Gradients {
    return {transpose(mul(dy, keep), axes), {}};
  });
}

}  // namespace tessera

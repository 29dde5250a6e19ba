#include "framework/ops/top_k.h"

#include "framework/autograd/autograd.h"
#include "framework/core/errors.h"
#include "framework/ops/axes.h"

namespace tessera {

TopKOutput top_k(const Tensor& x, int64_t k) {
  require_layout("top_k", x, Layout::row_major);
  require(x.rank() >= 1, "[top_k] x must have at least one axis; got ", x, ".");
  require(k >= 1 && k <= x.dim(-1), "[top_k] k must be in [1, ", x.dim(-1),
          "], the last extent of x; got ", k, " for ", x, ".");
  std::vector<int64_t> dims(x.shape().begin(), x.shape().end());
  dims.back() = k;
  const Shape shape(dims);
  TopKOutput out{Tensor::empty(shape, x.options()),
                 Tensor::empty(shape, {.dtype = DType::i64, .device = x.device()})};
  on_backend("top_k", x.device(), [&](auto& backend) { top_k_forward(backend, x, k, out); });
  auto backward = [indices = out.indices, from = x.shape()](const Tensor& dvalues) -> Gradients {
    Tensor dx = Tensor::zeros(from, dvalues.options());
    on_backend("top_k", dvalues.device(),
               [&](auto& backend) { top_k_backward(backend, indices, dvalues, dx); });
    return {dx};
  };
  out.values = record("top_k", {x}, out.values, backward, k);
  return out;
}

}  // namespace tessera

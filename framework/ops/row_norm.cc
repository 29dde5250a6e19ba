#include "framework/ops/row_norm.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

void check(const RowNormInputs& in) {
  const auto& [op, x, weight, bias, epsilon] = in;
  require(x.rank() >= 1 && x.layout() == Layout::row_major, "[", op,
          "] x must be row-major with at least one axis; got ", x, ".");
  const DType type = accumulator_of(x.dtype());
  const auto fits = [&](const Tensor& vector) {
    return vector.shape() == Shape{x.dim(-1)} && vector.dtype() == type;
  };
  require(fits(weight), "[", op, "] the weight must be ", type, "[", x.dim(-1),
          "], the last extent of x = ", x, "; got ", weight, ".");
  require(!bias.defined() || fits(bias), "[", op, "] the bias must be ", type, "[", x.dim(-1),
          "], the last extent of x = ", x, "; got ", bias, ".");
  for (const Tensor* other : {&weight, &bias})
    if (other->defined()) require_one_device(op, x, *other);
  require(epsilon > 0, "[", op, "] epsilon must be positive; got ", epsilon, ".");
}

}  // namespace

Tensor normalize_rows(const RowNormInputs& in, bool with_means, const std::vector<Tensor>& inputs,
                      std::any attributes) {
  check(in);
  const TensorOptions vector = in.weight.options();
  const Shape rows{AxisView(in.x.shape(), in.x.rank() - 1).outer};
  RowNormStatistics statistics{with_means ? Tensor::empty(rows, vector) : Tensor{},
                               Tensor::empty(rows, vector)};
  Tensor y = Tensor::empty_like(in.x);
  on_backend(in.op, in.x.device(),
             [&](auto& backend) { row_norm_forward(backend, in, statistics, y); });
  const RowNormInputs saved{in.op, in.x.detach(), in.weight.detach(), {}, in.epsilon};
  auto backward = [saved, statistics, count = inputs.size(), needs_dx = needs_gradient({in.x}),
                   needs_dweight = needs_gradient({in.weight}),
                   needs_dbias = needs_gradient({in.bias})](const Tensor& dy) -> Gradients {
    RowNormGradients out;
    if (needs_dx) out.dx = Tensor::empty_like(dy);
    if (needs_dweight) out.dweight = Tensor::empty_like(saved.weight);
    if (needs_dbias) out.dbias = Tensor::empty_like(saved.weight);
    on_backend(saved.op, dy.device(),
               [&](auto& backend) { row_norm_backward(backend, saved, statistics, dy, out); });
    Gradients gradients{out.dx, out.dweight, out.dbias};
    gradients.resize(count);
    return gradients;
  };
  return record(in.op, inputs, y, backward, std::move(attributes));
}

}  // namespace tessera

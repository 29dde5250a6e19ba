#include "framework/ops/linear.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"
#include "framework/ops/bias_relu.h"
#include "framework/ops/matmul.h"
#include "framework/ops/mixed_precision.h"

namespace tessera {
namespace {

void check(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  require(x.rank() >= 1 && x.layout() == Layout::row_major,
          "[linear] x must be row-major with at least one axis; got ", x, ".",
          x.rank() == 4 ? " Flatten it, or convert it with to_layout()." : "");
  require(weight.rank() == 2 && weight.layout() == Layout::row_major &&
              weight.dim(1) == x.dim(-1) && takes_parameter(x.dtype(), weight.dtype()),
          "[linear] weight must be ", parameter_types(x.dtype()), "[out, in] with in = ", x.dim(-1),
          ", the last extent of x = ", x, "; got ", weight, ".");
  require(
      !bias.defined() || (bias.shape() == Shape{weight.dim(0)} && bias.dtype() == weight.dtype()),
      "[linear] bias must be ", weight.dtype(), "[", weight.dim(0), "]; got ", bias, ".");
  for (const Tensor* other : {&weight, &bias})
    if (other->defined()) require_one_device("linear", x, *other);
}

Shape with_last_extent(const Shape& shape, int64_t extent) {
  std::vector<int64_t> dims(shape.begin(), shape.end() - 1);
  dims.push_back(extent);
  return Shape(dims);
}

/// [..., K] as the matrix [M, K].
Tensor as_rows(const Tensor& x) {
  const int64_t k = x.dim(-1);
  int64_t m = 1;
  for (int axis = 0; axis < x.rank() - 1; ++axis) m *= x.dim(axis);
  return x.alias({m, k});
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const LinearOptions& options) {
  check(x, weight, bias);
  Tensor y = Tensor::empty(with_last_extent(x.shape(), weight.dim(0)), x.options());
  Tensor y_rows = as_rows(y);
  const Tensor rounded = weight.to(x.dtype());
  const Tensor rounded_bias = bias.defined() ? bias.to(x.dtype()) : Tensor{};
  on_backend("linear", x.device(), [&](auto& backend) {
    linear_forward(backend, as_rows(x), rounded, rounded_bias, options, y_rows);
  });
  const Tensor x_saved = needs_gradient({weight}) ? x.detach() : Tensor{};
  const Tensor weight_saved = needs_gradient({x}) ? rounded.detach() : Tensor{};
  const Tensor y_saved = options.relu && needs_gradient({x, weight, bias}) ? y.detach() : Tensor{};
  auto backward = [x_saved, weight_saved, y_saved, x_shape = x.shape(), w_shape = weight.shape(),
                   of_parameters = TensorOptions{.dtype = weight.dtype(), .device = x.device()},
                   needs_dbias = needs_gradient({bias})](const Tensor& dy) -> Gradients {
    Tensor dx, dweight, dbias, d = dy;
    if (needs_dbias) dbias = Tensor::empty({w_shape[0]}, of_parameters);
    on_backend("linear", dy.device(), [&](auto& backend) {
      if (y_saved.defined()) {
        d = Tensor::empty_like(dy);
        bias_relu_backward(backend, y_saved, dy, d, dbias);
      } else if (needs_dbias) {
        bias_backward(backend, as_rows(dy), dbias);
      }
      const Tensor dy_rows = as_rows(d);
      if (weight_saved.defined()) {
        dx = Tensor::empty(x_shape, dy.options());
        Tensor dx_rows = as_rows(dx);
        matmul_forward(backend, dy_rows, weight_saved, {}, dx_rows);
      }
      if (x_saved.defined()) {
        dweight = Tensor::empty(w_shape, of_parameters);
        matmul_forward(backend, dy_rows, as_rows(x_saved), {.transpose_a = true}, dweight);
      }
    });
    return {dx, dweight, dbias};
  };
  return record("linear", {x, weight, bias}, y, backward, options);
}

}  // namespace tessera

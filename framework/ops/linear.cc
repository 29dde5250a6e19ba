#include "framework/ops/linear.h"

#include <algorithm>
#include <iterator>

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"
#include "framework/ops/mixed_precision.h"
#include "framework/ops/relu.h"
#include "framework/ops/rounded_parameters.h"
#include "framework/ops/slice.h"

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

/// Undefined biases are left out.
std::vector<Tensor> defined_of(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> out;
  std::ranges::copy_if(tensors, std::back_inserter(out), &Tensor::defined);
  return out;
}

/// The rows of each part of what was joined, as tensors of their own.
std::vector<Tensor> split_rows(const Tensor& joined, const std::vector<Shape>& shapes) {
  if (shapes.size() == 1 || !joined.defined()) return std::vector<Tensor>(shapes.size(), joined);
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (const Shape& shape : shapes) {
    parts.push_back(Tensor::empty(shape, joined.options()));
    on_backend("linear", joined.device(), [&](auto& backend) {
      copy_along_axis(backend, joined, begin, parts.back(), 0, 0, shape[0]);
    });
    begin += shape[0];
  }
  return parts;
}

std::vector<Shape> shapes_of(const std::vector<Tensor>& tensors) {
  std::vector<Shape> out;
  for (const Tensor& tensor : tensors) out.push_back(tensor.defined() ? tensor.shape() : Shape{});
  return out;
}

}  // namespace

int64_t padded_columns(const Tensor& x, int64_t out, const Tensor& bias) {
  constexpr int64_t kPack = 8;  // halves in 16 bytes
  const bool pads = !x.device().is_cpu() && size_of(x.dtype()) == 2 && !bias.defined();
  return pads ? (out + kPack - 1) / kPack * kPack : out;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const LinearOptions& options) {
  return joined_linear(x, {weight}, {bias}, options);
}

Tensor joined_linear(const Tensor& x, const std::vector<Tensor>& weights,
                     const std::vector<Tensor>& biases, const LinearOptions& options) {
  for (size_t i = 0; i < weights.size(); ++i) check(x, weights[i], biases[i]);
  const std::vector<Tensor> present = defined_of(biases);
  require(present.empty() || present.size() == biases.size(),
          "[linear] all joined layers must have a bias, or none; got ", present.size(), " of ",
          biases.size(), ".");
  const Tensor weight = rounded(weights, x.dtype());
  const Tensor bias = present.empty() ? Tensor{} : rounded(biases, x.dtype());
  const int64_t columns = options.pads ? padded_columns(x, weight.dim(0), bias) : weight.dim(0);
  Tensor y = Tensor::empty(with_last_extent(x.shape(), columns), x.options());
  Tensor y_rows = as_rows(y);
  on_backend("linear", x.device(), [&](auto& backend) {
    linear_forward(backend, as_rows(x), weight, bias, options, y_rows);
  });
  std::vector<Tensor> inputs{x};
  inputs.insert(inputs.end(), weights.begin(), weights.end());
  inputs.insert(inputs.end(), biases.begin(), biases.end());
  const Tensor x_saved = needs_gradient(weights) ? x.detach() : Tensor{};
  const Tensor weight_saved = needs_gradient({x}) ? weight.detach() : Tensor{};
  const Tensor y_saved = options.relu && needs_gradient(inputs) ? y.detach() : Tensor{};
  auto backward = [x_saved, weight_saved, y_saved, x_shape = x.shape(), w_shape = weight.shape(),
                   w_shapes = shapes_of(weights), b_shapes = shapes_of(biases),
                   of_parameters = TensorOptions{.dtype = weights[0].dtype(), .device = x.device()},
                   needs_dbias = needs_gradient(present)](const Tensor& dy) -> Gradients {
    Tensor d = dy, dx;
    LinearGradients out;
    if (y_saved.defined()) d = Tensor::empty_like(dy);
    if (weight_saved.defined()) {
      dx = Tensor::empty(x_shape, dy.options());
      out.dx = as_rows(dx);
    }
    if (x_saved.defined()) out.dweight = Tensor::empty(w_shape, of_parameters);
    if (needs_dbias) out.dbias = Tensor::empty({w_shape[0]}, of_parameters);
    on_backend("linear", dy.device(), [&](auto& backend) {
      if (y_saved.defined()) relu_backward(backend, y_saved, dy, d);
      linear_backward(backend, as_rows(d), x_saved.defined() ? as_rows(x_saved) : Tensor{},
                      weight_saved, out);
    });
    Gradients gradients{dx};
    for (Tensor& part : split_rows(out.dweight, w_shapes)) gradients.push_back(std::move(part));
    for (Tensor& part : split_rows(out.dbias, b_shapes)) gradients.push_back(std::move(part));
    return gradients;
  };
  return record("linear", inputs, y, backward, options);
}

}  // namespace tessera

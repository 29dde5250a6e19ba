#include "framework/ops/conv2d.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"
#include "framework/ops/bias_relu.h"
#include "framework/ops/conv2d_fused.h"
#include "framework/ops/mixed_precision.h"

namespace tessera {
namespace {

void check(const Tensor& x, const Tensor& weight, const Tensor& bias,
           const Conv2dOptions& options) {
  require(x.rank() == 4 && x.layout() == Layout::nhwc,
          "[conv2d] x must be [N, C, H, W] in layout nhwc; got ", x, ".",
          x.rank() == 4 ? " Convert it with to_layout()." : "");
  require(weight.rank() == 4 && weight.layout() == Layout::row_major &&
              takes_parameter(x.dtype(), weight.dtype()),
          "[conv2d] weight must be row-major ", parameter_types(x.dtype()),
          "[out, in/groups, R, S]; got ", weight, ".");
  for (const Tensor* other : {&weight, &bias})
    if (other->defined()) require_one_device("conv2d", x, *other);
  const int64_t groups = options.groups, out = weight.dim(0);
  require(groups >= 1 && x.dim(1) % groups == 0 && out % groups == 0,
          "[conv2d] groups must divide the input and output channels; got groups = ", groups,
          " for ", x.dim(1), " and ", out, ".");
  require(weight.dim(1) * groups == x.dim(1),
          "[conv2d] weight must have in/groups = ", x.dim(1) / groups,
          " input channels for x = ", x, " and groups = ", groups, "; got ", weight, ".");
  require(!bias.defined() || (bias.shape() == Shape{out} && bias.dtype() == weight.dtype()),
          "[conv2d] bias must be ", weight.dtype(), "[", out, "]; got ", bias, ".");
}

int64_t output_extent(int axis, const Shape& x, const Shape& weight, const Conv2dOptions& options) {
  const auto i = static_cast<size_t>(axis);
  const int64_t stride = options.stride[i], dilation = options.dilation[i];
  require(stride >= 1 && dilation >= 1 && options.padding[i] >= 0 && weight[2 + axis] >= 1,
          "[conv2d] stride, dilation and kernel must be positive and padding not negative; got "
          "stride ",
          stride, ", dilation ", dilation, ", kernel ", weight[2 + axis], ", padding ",
          options.padding[i], " along ", axis == 0 ? "H" : "W", ".");
  const int64_t reach = dilation * (weight[2 + axis] - 1) + 1;
  const int64_t padded = x[2 + axis] + 2 * options.padding[i];
  require(padded >= reach, "[conv2d] the padded input must hold the kernel; got ", padded,
          " along ", axis == 0 ? "H" : "W", " for a kernel that spans ", reach, " (x ", x,
          ", weight ", weight, ").");
  return (padded - reach) / stride + 1;
}

}  // namespace

Shape conv2d_shape(const Shape& x, const Shape& weight, const Conv2dOptions& options) {
  return {x[0], weight[0], output_extent(0, x, weight, options),
          output_extent(1, x, weight, options)};
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv2dOptions& options) {
  check(x, weight, bias, options);
  Tensor y = Tensor::empty(conv2d_shape(x.shape(), weight.shape(), options), x.options());
  Tensor filters;
  on_backend("conv2d", x.device(), [&](auto& backend) {
    filters = conv2d_filters(backend, weight, x.dtype());
    conv2d_fused_forward(backend, x, filters, {bias, {}, options.relu}, options, y);
  });
  const Tensor x_saved = needs_gradient({weight, bias}) ? x.detach() : Tensor{};
  const Tensor filters_saved = needs_gradient({x}) ? filters : Tensor{};
  const Tensor y_saved = options.relu && needs_gradient({x, weight, bias}) ? y.detach() : Tensor{};
  auto backward = [x_saved, filters_saved, y_saved, x_shape = x.shape(), w_shape = weight.shape(),
                   of_parameters = TensorOptions{.dtype = weight.dtype(), .device = x.device()},
                   needs_dbias = needs_gradient({bias}), options](const Tensor& dy) -> Gradients {
    Tensor dx, dweight, dbias, d = dy;
    if (needs_dbias) dbias = Tensor::empty({w_shape[0]}, of_parameters);
    Tensor left_dbias = dbias;
    on_backend("conv2d", dy.device(), [&](auto& backend) {
      if (y_saved.defined()) {
        d = Tensor::empty_like(dy);
        bias_relu_backward(backend, y_saved, dy, d, dbias);
        left_dbias = {};
      }
      if (filters_saved.defined()) {
        dx = Tensor::empty(x_shape, dy.options());
        conv2d_backward_input(backend, d, filters_saved, options, dx);
      }
      if (x_saved.defined()) {
        dweight = Tensor::empty(w_shape, of_parameters);
        conv2d_backward_weight(backend, x_saved, d, options, dweight, left_dbias);
      }
    });
    return {dx, dweight, dbias};
  };
  return record("conv2d", {x, weight, bias}, y, backward, options);
}

}  // namespace tessera

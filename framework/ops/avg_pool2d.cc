#include "framework/ops/avg_pool2d.h"

#include "framework/autograd/autograd.h"

namespace tessera {
namespace {

/// The windows along one axis (0: H, 1: W).
PoolAxis windows_along(size_t axis, const Tensor& x, const AvgPool2dOptions& options) {
  const int64_t kernel = options.kernel[axis], stride = options.stride[axis];
  const int64_t padding = options.padding[axis], extent = x.dim(static_cast<int>(axis) + 2);
  require(kernel >= 1 && stride >= 1 && padding >= 0 && 2 * padding <= kernel,
          "[avg_pool2d] kernel and stride must be positive and padding in [0, kernel/2]; got "
          "kernel ",
          kernel, ", stride ", stride, ", padding ", padding, ".");
  require(extent + 2 * padding >= kernel,
          "[avg_pool2d] the padded input must hold the window; got ", x, " for kernel ", kernel,
          " and padding ", padding, ".");
  return PoolAxis::sliding(extent, kernel, stride, padding, options.count_include_pad);
}

}  // namespace

Tensor avg_pool2d(const Tensor& x, const AvgPool2dOptions& options) {
  require(x.rank() == 4 && x.layout() == Layout::nhwc,
          "[avg_pool2d] x must be [N, C, H, W] in layout nhwc; got ", x, ".",
          x.rank() == 4 ? " Convert it with to_layout()." : "");
  const auto rows = windows_along(0, x, options), columns = windows_along(1, x, options);
  Tensor y = Tensor::empty({x.dim(0), x.dim(1), rows.outputs(), columns.outputs()}, x.options());
  on_backend("avg_pool2d", x.device(),
             [&](auto& backend) { window_mean_forward(backend, x, rows, columns, y); });
  auto backward = [rows, columns, shape = x.shape()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(shape, dy.options());
    on_backend("avg_pool2d", dy.device(),
               [&](auto& backend) { window_mean_backward(backend, dy, rows, columns, dx); });
    return {dx};
  };
  return record("avg_pool2d", {x}, y, backward, options);
}

}  // namespace tessera

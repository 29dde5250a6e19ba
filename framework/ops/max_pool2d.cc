#include "framework/ops/max_pool2d.h"

#include "framework/autograd/autograd.h"

namespace tessera {
namespace {

Shape checked_shape(const Tensor& x, const MaxPool2dOptions& options) {
  require(x.rank() == 4 && x.layout() == Layout::nhwc,
          "[max_pool2d] x must be [N, C, H, W] in layout nhwc; got ", x, ".",
          x.rank() == 4 ? " Convert it with to_layout()." : "");
  std::array<int64_t, 2> out{};
  for (size_t i = 0; i < 2; ++i) {
    const int64_t kernel = options.kernel[i], stride = options.stride[i];
    const int64_t padding = options.padding[i];
    require(kernel >= 1 && stride >= 1 && padding >= 0 && 2 * padding <= kernel,
            "[max_pool2d] kernel and stride must be positive and padding in [0, kernel/2]; got "
            "kernel ",
            kernel, ", stride ", stride, ", padding ", padding, ".");
    const int64_t padded = x.dim(static_cast<int>(i) + 2) + 2 * padding;
    require(padded >= kernel, "[max_pool2d] the padded input must hold the window; got ", x,
            " for kernel ", kernel, " and padding ", padding, ".");
    out[i] = (padded - kernel) / stride + 1;
  }
  return {x.dim(0), x.dim(1), out[0], out[1]};
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const MaxPool2dOptions& options) {
  Tensor y = Tensor::empty(checked_shape(x, options), x.options());
  Tensor position;
  if (needs_gradient({x})) {
    // R*S itself says that no gradient passes.
    const bool fits = options.kernel[0] * options.kernel[1] <= 255;
    position = Tensor::empty(y.shape(), {fits ? DType::u8 : DType::i32, y.layout(), y.device()});
  }
  on_backend("max_pool2d", x.device(),
             [&](auto& backend) { max_pool2d_forward(backend, x, options, y, position); });
  auto backward = [position, options, shape = x.shape()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(shape, dy.options());
    on_backend("max_pool2d", dy.device(),
               [&](auto& backend) { max_pool2d_backward(backend, position, dy, options, dx); });
    return {dx};
  };
  return record("max_pool2d", {x}, y, backward, options);
}

}  // namespace tessera

#include "framework/ops/adaptive_avg_pool2d.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/avg_pool2d.h"

namespace tessera {
Tensor adaptive_avg_pool2d(const Tensor& x, const AdaptiveAvgPool2dOptions& options) {
  require(x.rank() == 4 && x.layout() == Layout::nhwc && x.dim(2) >= 1 && x.dim(3) >= 1,
          "[adaptive_avg_pool2d] x must be [N, C, H, W] in layout nhwc with H, W >= 1; got ", x,
          ".", x.rank() == 4 ? " Convert it with to_layout()." : "");
  const auto [P, Q] = options.output;
  require(P >= 1 && Q >= 1, "[adaptive_avg_pool2d] the output must be at least 1 x 1; got ", P,
          " x ", Q, ".");
  const PoolAxis rows = PoolAxis::parts(x.dim(2), P), columns = PoolAxis::parts(x.dim(3), Q);
  Tensor y = Tensor::empty({x.dim(0), x.dim(1), P, Q}, x.options());
  on_backend("adaptive_avg_pool2d", x.device(),
             [&](auto& backend) { window_mean_forward(backend, x, rows, columns, y); });
  auto backward = [rows, columns, shape = x.shape()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(shape, dy.options());
    on_backend("adaptive_avg_pool2d", dy.device(),
               [&](auto& backend) { window_mean_backward(backend, dy, rows, columns, dx); });
    return {dx};
  };
  return record("adaptive_avg_pool2d", {x}, y, backward, options);
}

}  // namespace tessera

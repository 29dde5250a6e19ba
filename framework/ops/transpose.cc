#include "framework/ops/transpose.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {

Tensor transpose(const Tensor& x, const std::vector<int>& axes) {
  require_layout("transpose", x, Layout::row_major);
  require(static_cast<int>(axes.size()) == x.rank(), "[transpose] axes must name each of the ",
          x.rank(), " axes once; got ", axes.size(), " of them for ", x, ".");
  normalized_axes("transpose", axes, x.shape());
  TransposeOptions options;
  std::vector<int> inverse(axes.size());
  std::vector<int64_t> dims;
  for (size_t i = 0; i < axes.size(); ++i) {
    options.axes.push_back(x.shape().axis(axes[i]));
    inverse[static_cast<size_t>(options.axes[i])] = static_cast<int>(i);
    dims.push_back(x.dim(options.axes[i]));
  }
  Tensor y = Tensor::empty(Shape(dims), x.options());
  on_backend("transpose", x.device(),
             [&](auto& backend) { transpose_forward(backend, x, options.axes, y); });
  return record(
      "transpose", {x}, y,
      [inverse](const Tensor& dy) -> Gradients { return {transpose(dy, inverse)}; }, options);
}

}  // namespace tessera

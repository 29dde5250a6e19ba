#include "framework/ops/slice.h"

#include "framework/autograd/autograd.h"

namespace tessera {
namespace {

Tensor placed(const Tensor& dy, const Shape& shape, const SliceOptions& options) {
  Tensor dx = Tensor::zeros(shape, dy.options());
  on_backend("slice", dy.device(), [&](auto& backend) {
    copy_along_axis(backend, dy, 0, dx, options.begin, options.axis, dy.dim(options.axis));
  });
  return dx;
}

}  // namespace

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  const SliceOptions options{x.shape().axis(axis), begin, end};
  require(0 <= begin && begin <= end && end <= x.dim(axis), "[slice] the range must lie in [0, ",
          x.dim(axis), "]; got ", begin, " to ", end, " on axis ", axis, " of ", x, ".");
  std::vector<int64_t> dims(x.shape().begin(), x.shape().end());
  dims[static_cast<size_t>(options.axis)] = end - begin;
  Tensor y = Tensor::empty(Shape(dims), x.options());
  on_backend("slice", x.device(), [&](auto& backend) {
    copy_along_axis(backend, x, begin, y, 0, options.axis, end - begin);
  });
  return record(
      "slice", {x}, y,
      [shape = x.shape(), options](const Tensor& dy) -> Gradients {
        return {placed(dy, shape, options)};
      },
      options);
}

}  // namespace tessera

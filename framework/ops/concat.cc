#include "framework/ops/concat.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"
#include "framework/ops/slice.h"

namespace tessera {
namespace {

void check_fits(const Tensor& x, const Tensor& first, int axis) {
  bool fits =
      x.rank() == first.rank() && x.dtype() == first.dtype() && x.layout() == first.layout();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == axis || x.dim(i) == first.dim(i);
  require(fits, "[concat] the inputs must agree in type, layout and all extents but that of axis ",
          axis, "; got ", first, " and ", x, ".");
  require_one_device("concat", first, x);
}

}  // namespace

Tensor concat(const std::vector<Tensor>& inputs, int axis) {
  require(!inputs.empty(), "[concat] there must be at least one input; got none.");
  const Tensor& first = inputs.front();
  const int along = first.shape().axis(axis);
  std::vector<int64_t> extents, dims(first.shape().begin(), first.shape().end());
  int64_t total = 0;
  for (const Tensor& x : inputs) {
    check_fits(x, first, along);
    extents.push_back(x.dim(along));
    total += x.dim(along);
  }
  dims[static_cast<size_t>(along)] = total;
  Tensor y = Tensor::empty(Shape(dims), first.options());
  int64_t at = 0;
  for (const Tensor& x : inputs) {
    on_backend("concat", x.device(),
               [&](auto& backend) { copy_along_axis(backend, x, 0, y, at, along, x.dim(along)); });
    at += x.dim(along);
  }
  return record(
      "concat", inputs, y,
      [extents, along](const Tensor& dy) {
        Gradients out;
        int64_t begin = 0;
        for (int64_t extent : extents) {
          out.push_back(slice(dy, along, begin, begin + extent));
          begin += extent;
        }
        return out;
      },
      ConcatOptions{along});
}

}  // namespace tessera

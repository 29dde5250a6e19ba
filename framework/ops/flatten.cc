#include "framework/ops/flatten.h"

#include "framework/ops/reshape.h"
#include "framework/ops/to_layout.h"

namespace tessera {

Tensor flatten(const Tensor& x, int start_axis) {
  const int start = x.shape().axis(start_axis);
  std::vector<int64_t> dims(x.shape().begin(), x.shape().begin() + start + 1);
  for (int i = start + 1; i < x.rank(); ++i) dims.back() *= x.dim(i);
  return reshape(to_layout(x, Layout::row_major), Shape(dims));
}

}  // namespace tessera

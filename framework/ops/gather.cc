#include "framework/ops/gather.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

std::string describe_wrong_row(const KernelError::Values& values) {
  const auto [row, place, rows, extent] = values;
  return concat("[gather] an index must be in [0, ", rows, "), the rows of x; got ", row,
                " at place ", place, " of ", extent, ".");
}

}  // namespace

Tensor gather(const Tensor& x, const Tensor& index) {
  require_layout("gather", x, Layout::row_major);
  require(x.rank() >= 1, "[gather] x must have at least one axis; got ", x, ".");
  require((index.dtype() == DType::i64 || index.dtype() == DType::i32) && index.rank() == 1,
          "[gather] the index must be i64 or i32 of rank 1; got ", index, ".");
  require_one_device("gather", x, index);
  std::vector<int64_t> dims(x.shape().begin(), x.shape().end());
  dims[0] = index.dim(0);
  return gather_rows("gather", x, index, Shape(dims), x.dtype(),
                     {x.dim(0), index.dim(0), &describe_wrong_row});
}

Tensor gather_rows(const char* op, const Tensor& x, const Tensor& index, const Shape& shape,
                   DType dtype, const IndexRange& range) {
  Tensor y = Tensor::empty(shape, {dtype, Layout::row_major, x.device()});
  const Tensor rows = index.to(DType::i64);
  on_backend(op, x.device(), [&](auto& backend) {
    check_indices(backend, rows, range);
    gather_forward(backend, x, rows, y);
  });
  return record(op, {x, index}, y,
                [rows = rows.detach(), op, of_x = x.shape(),
                 options = x.options()](const Tensor& dy) -> Gradients {
                  Tensor dx = Tensor::empty(of_x, options);
                  on_backend(op, dy.device(),
                             [&](auto& backend) { gather_backward(backend, rows, dy, dx); });
                  return {dx, {}};
                });
}

}  // namespace tessera

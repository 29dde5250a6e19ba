#include "framework/ops/batched_matmul.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

void check(const Tensor& a, const Tensor& b, MatmulOptions options) {
  require(a.rank() >= 2 && b.rank() == a.rank() && a.layout() == Layout::row_major &&
              b.layout() == Layout::row_major,
          "[batched_matmul] both inputs must be row-major of one rank, 2 or more; got ", a, " and ",
          b, ".");
  require(a.dtype() == b.dtype(), "[batched_matmul] both inputs must agree in type; got ", a,
          " and ", b, ".");
  require_one_device("batched_matmul", a, b);
  for (int axis = 0; axis < a.rank() - 2; ++axis)
    require(a.dim(axis) == b.dim(axis), "[batched_matmul] the leading extents must be equal; got ",
            a, " and ", b, ": ", a.dim(axis), " and ", b.dim(axis), " on axis ", axis, ".");
  const int64_t inner_a = a.dim(options.transpose_a ? -2 : -1);
  const int64_t inner_b = b.dim(options.transpose_b ? -1 : -2);
  require(inner_a == inner_b, "[batched_matmul] the inner extents must agree; got ", a,
          options.transpose_a ? " (transposed)" : "", " and ", b,
          options.transpose_b ? " (transposed)" : "", ": ", inner_a, " and ", inner_b, ".");
}

/// [..., R, C] as [batch, R, C].
Tensor as_batch(const Tensor& x) {
  int64_t batch = 1;
  for (int axis = 0; axis < x.rank() - 2; ++axis) batch *= x.dim(axis);
  return x.alias({batch, x.dim(-2), x.dim(-1)});
}

/// op(a) op(b) without history.
Tensor product(const Tensor& a, const Tensor& b, MatmulOptions options) {
  std::vector<int64_t> dims(a.shape().begin(), a.shape().end());
  dims[dims.size() - 2] = a.dim(options.transpose_a ? -1 : -2);
  dims.back() = b.dim(options.transpose_b ? -2 : -1);
  Tensor y = Tensor::empty(Shape(dims), a.options());
  Tensor y_batch = as_batch(y);
  on_backend("batched_matmul", a.device(), [&](auto& backend) {
    batched_matmul_forward(backend, as_batch(a), as_batch(b), options, y_batch);
  });
  return y;
}

}  // namespace

Tensor batched_matmul(const Tensor& a, const Tensor& b, MatmulOptions options) {
  check(a, b, options);
  const Tensor a_saved = needs_gradient({b}) ? a.detach() : Tensor{};
  const Tensor b_saved = needs_gradient({a}) ? b.detach() : Tensor{};
  return record(
      "batched_matmul", {a, b}, product(a, b, options),
      [=](const Tensor& dy) { return matmul_gradients(a_saved, b_saved, dy, options, product); },
      options);
}

}  // namespace tessera

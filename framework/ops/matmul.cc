#include "framework/ops/matmul.h"

#include "framework/autograd/autograd.h"
#include "framework/ops/axes.h"

namespace tessera {
namespace {

void check(const Tensor& a, const Tensor& b, MatmulOptions options) {
  require(a.rank() == 2 && b.rank() == 2 && a.layout() == Layout::row_major &&
              b.layout() == Layout::row_major,
          "[matmul] both inputs must be row-major matrices; got ", a, " and ", b, ".");
  require(a.dtype() == b.dtype(), "[matmul] both inputs must agree in type; got ", a, " and ", b,
          ".");
  require_one_device("matmul", a, b);
  const int64_t inner_a = a.dim(options.transpose_a ? 0 : 1);
  const int64_t inner_b = b.dim(options.transpose_b ? 1 : 0);
  require(inner_a == inner_b, "[matmul] the inner extents must agree; got ", a,
          options.transpose_a ? " (transposed)" : "", " and ", b,
          options.transpose_b ? " (transposed)" : "", ": ", inner_a, " and ", inner_b, ".");
}

/// op(a) op(b) without history.
Tensor product(const Tensor& a, const Tensor& b, MatmulOptions options) {
  Tensor y = Tensor::empty({a.dim(options.transpose_a ? 1 : 0), b.dim(options.transpose_b ? 0 : 1)},
                           a.options());
  on_backend("matmul", a.device(),
             [&](auto& backend) { matmul_forward(backend, a, b, options, y); });
  return y;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options) {
  check(a, b, options);
  const Tensor a_saved = needs_gradient({b}) ? a.detach() : Tensor{};
  const Tensor b_saved = needs_gradient({a}) ? b.detach() : Tensor{};
  return record(
      "matmul", {a, b}, product(a, b, options),
      [=](const Tensor& dy) { return matmul_gradients(a_saved, b_saved, dy, options, product); },
      options);
}

}  // namespace tessera

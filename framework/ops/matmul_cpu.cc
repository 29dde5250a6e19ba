#include <Eigen/Core>

#include "framework/ops/matmul.h"
#include "framework/ops/matmul_bf16.h"

#ifdef TESSERA_ONEDNN
#include "framework/backend/onednn.h"
#endif

namespace tessera {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
void product_eigen(const MatrixExtents& extents, MatmulOptions options, const T* a, const T* b,
                   T* y) {
  const auto [M, N, K] = extents;
  const auto [ta, tb] = options;
  const Eigen::Map<const Matrix<T>> left(a, ta ? K : M, ta ? M : K);
  const Eigen::Map<const Matrix<T>> right(b, tb ? N : K, tb ? K : N);
  Eigen::Map<Matrix<T>> out(y, M, N);
  if (ta && tb)
    out.noalias() = left.transpose() * right.transpose();
  else if (ta)
    out.noalias() = left.transpose() * right;
  else if (tb)
    out.noalias() = left * right.transpose();
  else
    out.noalias() = left * right;
}

}  // namespace

void matrix_product([[maybe_unused]] const char* op, const MatrixExtents& extents,
                    MatmulOptions options, const float* a, const float* b, float* y) {
  if (cpu().bf16_products()) return bf16_matrix_product(extents, options, a, b, nullptr, y);
#ifdef TESSERA_ONEDNN
  const auto [M, N, K] = extents;
  const auto [ta, tb] = options;
  onednn_engine();  // sgemm() takes none, but the limit on instruction sets comes with it
  const auto status = dnnl::sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, 1.0f, a, ta ? M : K, b,
                                  tb ? K : N, 0.0f, y, N);
  require_runtime(status == dnnl::status::success, "[", op, "] oneDNN's sgemm must succeed for [",
                  M, ", ", K, "] and [", K, ", ", N, "]; got status ", static_cast<int>(status),
                  ".");
#else
  product_eigen(extents, options, a, b, y);
#endif
}

void matrix_product(const char*, const MatrixExtents& extents, MatmulOptions options,
                    const double* a, const double* b, double* y) {
  product_eigen(extents, options, a, b, y);
}

void matmul_forward(Cpu&, const Tensor& a, const Tensor& b, MatmulOptions options, Tensor& y) {
  if (y.numel() == 0) return;
  if (a.numel() == 0) return y.fill(0);
  dispatch_float("matmul", y.dtype(), [&]<class T>() {
    matrix_product("matmul", {y.dim(0), y.dim(1), a.dim(options.transpose_a ? 0 : 1)}, options,
                   a.data<T>(), b.data<T>(), y.data<T>());
  });
}

}  // namespace tessera

#include <Eigen/Core>

#include "framework/ops/matmul.h"

#ifdef TESSERA_ONEDNN
#include "framework/backend/onednn.h"
#endif

namespace tessera {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
void product_eigen(const Tensor& a, const Tensor& b, MatmulOptions options, Tensor& y) {
  const Eigen::Map<const Matrix<T>> left(a.data<T>(), a.dim(0), a.dim(1));
  const Eigen::Map<const Matrix<T>> right(b.data<T>(), b.dim(0), b.dim(1));
  Eigen::Map<Matrix<T>> out(y.data<T>(), y.dim(0), y.dim(1));
  if (options.transpose_a && options.transpose_b)
    out.noalias() = left.transpose() * right.transpose();
  else if (options.transpose_a)
    out.noalias() = left.transpose() * right;
  else if (options.transpose_b)
    out.noalias() = left * right.transpose();
  else
    out.noalias() = left * right;
}

}  // namespace

void matmul_forward(Cpu&, const Tensor& a, const Tensor& b, MatmulOptions options, Tensor& y) {
  if (y.numel() == 0) return;
  if (a.numel() == 0) return y.fill(0);
#ifdef TESSERA_ONEDNN
  if (y.dtype() == DType::f32) {
    onednn_engine();  // sgemm() takes none, but the limit on instruction sets comes with it
    const auto status =
        dnnl::sgemm(options.transpose_a ? 'T' : 'N', options.transpose_b ? 'T' : 'N', y.dim(0),
                    y.dim(1), a.numel() / y.dim(0), 1.0f, a.data<float>(), a.dim(1),
                    b.data<float>(), b.dim(1), 0.0f, y.data<float>(), y.dim(1));
    require_runtime(status == dnnl::status::success, "[matmul] oneDNN's sgemm must succeed for ", a,
                    " and ", b, "; got status ", static_cast<int>(status), ".");
    return;
  }
#endif
  dispatch_float("matmul", y.dtype(), [&]<class T>() { product_eigen<T>(a, b, options, y); });
}

}  // namespace tessera

#include "framework/ops/log_softmax.h"
#include "framework/ops/softmax_cuda.h"

namespace tessera {
namespace {

struct Map {
  template <class A>
  static __device__ A normalizer(A sum) {
    return log(sum);
  }
  template <class A>
  static __device__ A value(A x, A max, A log_sum) {
    return (x - max) - log_sum;
  }
  template <class A>
  static __device__ A term(A, A dy) {
    return dy;
  }
  template <class A>
  static __device__ A gradient(A y, A dy, A sum) {
    return dy - exp(y) * sum;
  }
};

}  // namespace

void log_softmax_forward(Cuda& cuda, const Tensor& x, int axis, Tensor& y) {
  normalize_lines<Map>("log_softmax", cuda, x, axis, y);
}

void log_softmax_backward(Cuda& cuda, const Tensor& y, const Tensor& dy, int axis, Tensor& dx) {
  normalize_lines_backward<Map>("log_softmax", cuda, y, dy, axis, dx);
}

}  // namespace tessera

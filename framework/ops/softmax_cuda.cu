#include "framework/ops/softmax.h"
#include "framework/ops/softmax_cuda.h"

namespace tessera {
namespace {

struct Map {
  template <class A>
  static __device__ A normalizer(A sum) {
    return 1 / sum;
  }
  template <class A>
  static __device__ A value(A x, A max, A scale) {
    return exp(x - max) * scale;
  }
  template <class A>
  static __device__ A term(A y, A dy) {
    return y * dy;
  }
  template <class A>
  static __device__ A gradient(A y, A dy, A sum) {
    return y * (dy - sum);
  }
};

}  // namespace

void softmax_forward(Cuda& cuda, const Tensor& x, int axis, Tensor& y) {
  normalize_lines<Map>("softmax", cuda, x, axis, y);
}

void softmax_backward(Cuda& cuda, const Tensor& y, const Tensor& dy, int axis, Tensor& dx) {
  normalize_lines_backward<Map>("softmax", cuda, y, dy, axis, dx);
}

}  // namespace tessera

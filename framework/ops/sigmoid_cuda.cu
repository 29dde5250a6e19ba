#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/sigmoid.h"

namespace tessera {
namespace {

struct Forward {
  template <class A>
  __device__ A operator()(A value) const {
    return A(1) / (A(1) + exp(-value));
  }
};

struct Backward {
  template <class A>
  __device__ A operator()(A out, A grad) const {
    return grad * (out * (1 - out));
  }
};

}  // namespace

void sigmoid_forward(Cuda& cuda, const Tensor& x, Tensor& y) {
  map_elements("sigmoid", cuda, Forward{}, y, x);
}

void sigmoid_backward(Cuda& cuda, const Tensor& y, const Tensor& dy, Tensor& dx) {
  map_elements("sigmoid", cuda, Backward{}, dx, y, dy);
}

}  // namespace tessera

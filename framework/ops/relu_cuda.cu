#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/relu.h"

namespace tessera {
namespace {

struct Forward {
  template <class A>
  __device__ A operator()(A value) const {
    return value > 0 ? value : A(0);
  }
};

struct Backward {
  template <class A>
  __device__ A operator()(A out, A grad) const {
    return out > 0 ? grad : A(0);
  }
};

}  // namespace

void relu_forward(Cuda& cuda, const Tensor& x, Tensor& y) {
  map_elements("relu", cuda, Forward{}, y, x);
}

void relu_backward(Cuda& cuda, const Tensor& y, const Tensor& dy, Tensor& dx) {
  map_elements("relu", cuda, Backward{}, dx, y, dy);
}

}  // namespace tessera

#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/tanh.h"

namespace tessera {
namespace {

struct Forward {
  template <class A>
  __device__ A operator()(A value) const {
    return ::tanh(value);
  }
};

struct Backward {
  template <class A>
  __device__ A operator()(A out, A grad) const {
    return grad * (1 - out * out);
  }
};

}  // namespace

void tanh_forward(Cuda& cuda, const Tensor& x, Tensor& y) {
  map_elements("tanh", cuda, Forward{}, y, x);
}

void tanh_backward(Cuda& cuda, const Tensor& y, const Tensor& dy, Tensor& dx) {
  map_elements("tanh", cuda, Backward{}, dx, y, dy);
}

}  // namespace tessera

#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/silu.h"

namespace tessera {
namespace {

struct Forward {
  template <class A>
  __device__ A operator()(A value) const {
    return value / (A(1) + exp(-value));
  }
};

struct Backward {
  template <class A>
  __device__ A operator()(A value, A grad) const {
    const A s = A(1) / (A(1) + exp(-value));
    return grad * (s * (1 + value * (1 - s)));
  }
};

}  // namespace

void silu_forward(Cuda& cuda, const Tensor& x, Tensor& y) {
  map_elements("silu", cuda, Forward{}, y, x);
}

void silu_backward(Cuda& cuda, const Tensor& x, const Tensor& dy, Tensor& dx) {
  map_elements("silu", cuda, Backward{}, dx, x, dy);
}

}  // namespace tessera

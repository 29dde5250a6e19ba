#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/swiglu.h"

namespace tessera {
namespace {

struct Forward {
  template <class A>
  __device__ A operator()(A opening, A value) const {
    return opening / (A(1) + exp(-opening)) * value;
  }
};

struct BackwardGate {
  template <class A>
  __device__ A operator()(A opening, A value, A grad) const {
    const A s = A(1) / (A(1) + exp(-opening));
    return grad * value * (s * (1 + opening * (1 - s)));
  }
};

}  // namespace

void swiglu_forward(Cuda& cuda, const Tensor& gate, const Tensor& x, Tensor& y) {
  map_elements("swiglu", cuda, Forward{}, y, gate, x);
}

void swiglu_backward_gate(Cuda& cuda, const Tensor& gate, const Tensor& x, const Tensor& dy,
                          Tensor& dgate) {
  map_elements("swiglu", cuda, BackwardGate{}, dgate, gate, x, dy);
}

}  // namespace tessera

#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/gelu.h"
#include "framework/ops/gelu_tanh.h"

namespace tessera {
namespace {

/// Phi(x), the normal distribution; by erfc, which keeps its digits in the lower tail.
template <class A>
__device__ A cumulative(A x) {
  return A(0.5) * erfc(-x * A(0.70710678118654752));
}

struct Forward {
  template <class A>
  __device__ A operator()(A value) const {
    return value * cumulative(value);
  }
};

struct Backward {
  template <class A>
  __device__ A operator()(A value, A grad) const {
    const A density = A(0.39894228040143268) * exp(A(-0.5) * value * value);
    return grad * (cumulative(value) + value * density);
  }
};

template <class A>
__device__ A sigmoid(A x) {
  return A(1) / (A(1) + exp(-x));
}

struct TanhForward {
  template <class A>
  __device__ A operator()(A value) const {
    return value * sigmoid(GeluTanh<A>(value).twice_u);
  }
};

struct TanhBackward {
  template <class A>
  __device__ A operator()(A value, A grad) const {
    const GeluTanh<A> at(value);
    const A s = sigmoid(at.twice_u);
    return grad * (s + value * s * (1 - s) * at.slope);
  }
};

}  // namespace

void gelu_forward(Cuda& cuda, const Tensor& x, GeluForm form, Tensor& y) {
  if (form == GeluForm::exact)
    map_elements("gelu", cuda, Forward{}, y, x);
  else
    map_elements("gelu", cuda, TanhForward{}, y, x);
}

void gelu_backward(Cuda& cuda, const Tensor& x, const Tensor& dy, GeluForm form, Tensor& dx) {
  if (form == GeluForm::exact)
    map_elements("gelu", cuda, Backward{}, dx, x, dy);
  else
    map_elements("gelu", cuda, TanhBackward{}, dx, x, dy);
}

}  // namespace tessera

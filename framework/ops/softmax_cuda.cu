#include "framework/ops/softmax.h"
#include "framework/ops/softmax_cuda.h"

namespace tessera {
namespace {

template <class T>
struct Forward {
  const T* x;
  T* y;

  template <class Line>
  __device__ void operator()(const Line& line) const {
    const auto of_line = max_and_sum(line, x);
    const auto scale = 1 / of_line.sum;
    line.map([=](auto value) { return exp(value - of_line.max) * scale; }, y, x);
  }
};

template <class T>
struct Backward {
  const T *y, *dy;
  T* dx;

  template <class Line>
  __device__ void operator()(const Line& line) const {
    const auto dot = line.sum([](auto prob, auto grad) { return prob * grad; }, y, dy);
    line.map([=](auto prob, auto grad) { return prob * (grad - dot); }, dx, y, dy);
  }
};

}  // namespace

void softmax_forward(Cuda& cuda, const Tensor& x, int axis, Tensor& y) {
  dispatch_cuda_float("softmax", x.dtype(), [&]<class T>() {
    const Forward<T> forward{device_data<T>(x), device_data<T>(y)};
    for_lines<T>("softmax", cuda, AxisView(x.shape(), axis), forward);
  });
}

void softmax_backward(Cuda& cuda, const Tensor& y, const Tensor& dy, int axis, Tensor& dx) {
  dispatch_cuda_float("softmax", dy.dtype(), [&]<class T>() {
    const Backward<T> backward{device_data<T>(y), device_data<T>(dy), device_data<T>(dx)};
    for_lines<T>("softmax", cuda, AxisView(dy.shape(), axis), backward);
  });
}

}  // namespace tessera

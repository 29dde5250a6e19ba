#include "framework/ops/log_softmax.h"
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
    const auto log_sum = log(of_line.sum);
    line.map([=](auto value) { return (value - of_line.max) - log_sum; }, y, x);
  }
};

template <class T>
struct Backward {
  const T *y, *dy;
  T* dx;

  template <class Line>
  __device__ void operator()(const Line& line) const {
    const auto sum = line.sum([](auto grad) { return grad; }, dy);
    line.map([=](auto log_prob, auto grad) { return grad - exp(log_prob) * sum; }, dx, y, dy);
  }
};

}  // namespace

void log_softmax_forward(Cuda& cuda, const Tensor& x, int axis, Tensor& y) {
  dispatch_cuda_float("log_softmax", x.dtype(), [&]<class T>() {
    const Forward<T> forward{device_data<T>(x), device_data<T>(y)};
    for_lines<T>("log_softmax", cuda, AxisView(x.shape(), axis), forward);
  });
}

void log_softmax_backward(Cuda& cuda, const Tensor& y, const Tensor& dy, int axis, Tensor& dx) {
  dispatch_cuda_float("log_softmax", dy.dtype(), [&]<class T>() {
    const Backward<T> backward{device_data<T>(y), device_data<T>(dy), device_data<T>(dx)};
    for_lines<T>("log_softmax", cuda, AxisView(dy.shape(), axis), backward);
  });
}

}  // namespace tessera

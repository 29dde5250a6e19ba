// Softmax and its logarithm over lines. The maximum of a line and its sum of exponentials come from
// one pass: Milakov and Gimelshein, "Online normalizer calculation for softmax".
#pragma once

#include "framework/ops/rows_cuda.h"

namespace tessera {

/// The maximum of some elements, NaN where one is; and the sum of exp(x - max).
template <class A>
struct MaxSum {
  A max, sum;
};

template <class A>
__device__ MaxSum<A> shuffle_xor(MaxSum<A> value, int distance) {
  return {shuffle_xor(value.max, distance), shuffle_xor(value.sum, distance)};
}

template <class A>
__device__ A larger(A a, A b) {
  return a > b || a != a ? a : b;
}

/// exp(x - max), x <= max; no NaN where both are -infinity.
template <class A>
__device__ A exp_below(A x, A max) {
  return x == -std::numeric_limits<A>::infinity() ? A(0) : exp(x - max);
}

/// For every thread of the line's team.
template <int kTeam, int V, class T>
__device__ MaxSum<Accumulator<T>> max_and_sum(const Line<kTeam, V>& line, const T* x) {
  using A = Accumulator<T>;
  MaxSum<A> own{-std::numeric_limits<A>::infinity(), 0};
  line.each([&]<int W>(int64_t, int64_t at) {
    const Pack<T, W> pack = load_pack<W>(x + at);
    A max = own.max;
    for_packs([&](int, A value) { max = larger(max, value); }, pack);
    own.sum *= exp_below(own.max, max);
    for_packs([&](int, A value) { own.sum += exp_below(value, max); }, pack);
    own.max = max;
  });
  return line.reduce(own, [](const MaxSum<A>& a, const MaxSum<A>& b) {
    const A max = larger(a.max, b.max);
    return MaxSum<A>{max, a.sum * exp_below(a.max, max) + b.sum * exp_below(b.max, max)};
  });
}

/// y = Map::value(x, max, Map::normalizer(sum)) for the line's maximum and sum.
template <class Map, class T>
struct NormalizedLine {
  const T* x;
  T* y;

  template <class Line>
  __device__ void operator()(const Line& line) const {
    const auto of_line = max_and_sum(line, x);
    const auto normalizer = Map::normalizer(of_line.sum);
    line.map([=](auto value) { return Map::value(value, of_line.max, normalizer); }, y, x);
  }
};

/// dx = Map::gradient(y, dy, sum of Map::term(y, dy) over the line).
template <class Map, class T>
struct NormalizedLineGradient {
  const T *y, *dy;
  T* dx;

  template <class Line>
  __device__ void operator()(const Line& line) const {
    const auto sum = line.sum([](auto out, auto grad) { return Map::term(out, grad); }, y, dy);
    line.map([=](auto out, auto grad) { return Map::gradient(out, grad, sum); }, dx, y, dy);
  }
};

template <class Map>
void normalize_lines(const char* op, const Cuda& cuda, const Tensor& x, int axis, Tensor& y) {
  dispatch_cuda_float(op, x.dtype(), [&]<class T>() {
    const NormalizedLine<Map, T> forward{device_data<T>(x), device_data<T>(y)};
    for_lines<T>(op, cuda, AxisView(x.shape(), axis), forward);
  });
}

template <class Map>
void normalize_lines_backward(const char* op, const Cuda& cuda, const Tensor& y, const Tensor& dy,
                              int axis, Tensor& dx) {
  dispatch_cuda_float(op, dy.dtype(), [&]<class T>() {
    const NormalizedLineGradient<Map, T> backward{device_data<T>(y), device_data<T>(dy),
                                                  device_data<T>(dx)};
    for_lines<T>(op, cuda, AxisView(dy.shape(), axis), backward);
  });
}

}  // namespace tessera

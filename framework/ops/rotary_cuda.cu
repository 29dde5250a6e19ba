#include <cmath>

#include "framework/ops/elementwise_cuda.h"
#include "framework/ops/rotary.h"

namespace tessera {
namespace {

struct Rotation {
  int64_t T, H, half, first_position;
  double log2_base;
  int direction;
};

/// A thread turns pair d of all heads of one position of one batch row: one angle.
template <class T>
__global__ void __launch_bounds__(kThreadsPerBlock)
    rotary_kernel(Rotation by, int64_t count, const T* x, T* y) {
  using A = Accumulator<T>;
  const auto [begin, end, step] = grid_thread().groups(count, 1);
  for (int64_t i = begin; i < end; i += step) {
    const int64_t d = i % by.half, row = i / by.half;
    const double share = static_cast<double>(d) / static_cast<double>(by.half);
    double sine, cosine;
    sincos(static_cast<double>(by.first_position + row % by.T) * exp2(-share * by.log2_base), &sine,
           &cosine);
    const A c = static_cast<A>(cosine), s = static_cast<A>(by.direction * sine);
    for (int64_t h = 0; h < by.H; ++h) {
      const int64_t at = (row * by.H + h) * 2 * by.half + d;
      const A first = static_cast<A>(x[at]), second = static_cast<A>(x[at + by.half]);
      y[at] = static_cast<T>(first * c - second * s);
      y[at + by.half] = static_cast<T>(second * c + first * s);
    }
  }
}

}  // namespace

void rotary_forward(Cuda& cuda, const Tensor& x, const RotaryOptions& options, int direction,
                    Tensor& y) {
  const Rotation by{
      x.dim(1), x.dim(2), x.dim(3) / 2, options.first_position, std::log2(options.base), direction};
  const int64_t count = x.dim(0) * by.T * by.half;
  dispatch_cuda_float("rotary", x.dtype(), [&]<class T>() {
    cuda.launch_elements("rotary", rotary_kernel<T>, count, by, count, device_data<T>(x),
                         device_data<T>(y));
  });
}

}  // namespace tessera

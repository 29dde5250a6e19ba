#include <cmath>
#include <vector>

#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/rotary.h"

namespace tessera {

void rotary_forward(Cpu& cpu, const Tensor& x, const RotaryOptions& options, int direction,
                    Tensor& y) {
  const int64_t N = x.dim(0), T_rows = x.dim(1), H = x.dim(2), half = x.dim(3) / 2;
  if (x.numel() == 0) return;
  dispatch_float("rotary", x.dtype(), [&]<class T>() {
    // A thread takes positions, so that their angles serve all heads of all batch rows.
    const int64_t grain = kElementwiseGrain / (N * H * half) + 1;
    cpu.parallel_for(T_rows, grain, [&](int64_t begin, int64_t end) {
      std::vector<T> cosines(static_cast<size_t>(half)), sines(cosines);
      const T *const cosine = cosines.data(), *const sine = sines.data();
      for (int64_t t = begin; t < end; ++t) {
        const auto position = static_cast<double>(options.first_position + t);
        for (int64_t d = 0; d < half; ++d) {
          const double share = static_cast<double>(d) / static_cast<double>(half);
          const double angle = position * std::pow(options.base, -share);
          cosines[static_cast<size_t>(d)] = static_cast<T>(std::cos(angle));
          sines[static_cast<size_t>(d)] = static_cast<T>(direction * std::sin(angle));
        }
        vectorized(cpu.isa(), [&] {
          for (int64_t n = 0; n < N; ++n)
            for (int64_t h = 0; h < H; ++h) {
              const int64_t at = ((n * T_rows + t) * H + h) * 2 * half;
              const T* const from = x.data<T>() + at;
              T* const to = y.data<T>() + at;
              for (int64_t d = 0; d < half; ++d) {
                to[d] = from[d] * cosine[d] - from[d + half] * sine[d];
                to[d + half] = from[d + half] * cosine[d] + from[d] * sine[d];
              }
            }
        });
      }
    });
  });
}

}  // namespace tessera

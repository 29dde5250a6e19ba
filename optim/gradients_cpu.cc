#include <algorithm>
#include <array>
#include <cmath>

#include "framework/backend/vectorized.h"
#include "optim/gradients.h"

namespace tessera {
namespace {

// One partial sum each: long enough to be worth a thread, and fixed, so that sums are reproducible.
constexpr int64_t kChunk = 1 << 14;
constexpr int64_t kLanes = 16;  // partial sums side by side: two registers of doubles

template <class T>
double sum_of_squares(CpuIsa isa, const T* values, int64_t n) {
  std::array<double, kLanes> lanes{};
  vectorized(isa, [&] {
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        const auto value = static_cast<double>(values[i + lane]);
        lanes[static_cast<size_t>(lane)] += value * value;
      }
    for (; i < n; ++i) lanes[0] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  });
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

double sum_of_squares(Cpu& cpu, const Tensor& tensor) {
  const int64_t n = tensor.numel(), chunks = (n + kChunk - 1) / kChunk;
  std::vector<double> partial(static_cast<size_t>(chunks));
  dispatch_float("gradient_norm", tensor.dtype(), [&]<class T>() {
    const T* const values = tensor.data<T>();
    cpu.parallel_for(chunks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c)
        partial[static_cast<size_t>(c)] =
            sum_of_squares(cpu.isa(), values + c * kChunk, std::min(kChunk, n - c * kChunk));
    });
  });
  double sum = 0;
  for (const double value : partial) sum += value;
  return sum;
}

}  // namespace

void norm_forward(Cpu& cpu, const std::vector<Tensor>& tensors, Tensor& norm) {
  double sum = 0;
  for (const Tensor& tensor : tensors) sum += sum_of_squares(cpu, tensor);
  *norm.data<double>() = std::sqrt(sum);
}

void scale_tensors(Cpu& cpu, double factor, std::vector<Tensor>& tensors) {
  for (Tensor& tensor : tensors) {
    dispatch_float("scale_gradients", tensor.dtype(), [&]<class T>() {
      T* const values = tensor.data<T>();
      const T scale = static_cast<T>(factor);
      cpu.parallel_for(tensor.numel(), kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) values[i] *= scale;
      });
    });
  }
}

void clip_tensors(Cpu& cpu, const Tensor& norm, double max_norm, std::vector<Tensor>& tensors) {
  const double factor = max_norm / (*norm.data<double>() + 1e-6);
  if (factor < 1) scale_tensors(cpu, factor, tensors);
}

}  // namespace tessera

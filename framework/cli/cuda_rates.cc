#include "framework/cli/cuda_rates.h"

#include <algorithm>
#include <chrono>

#include "framework/autograd/autograd.h"
#include "framework/backend/cuda_info.h"
#include "framework/core/random.h"
#include "framework/ops/matmul.h"

namespace tessera {
namespace {

constexpr int kRounds = 5, kCallsPerRound = 10;

/// Seconds of one call: the fastest round, each of several calls queued at once.
template <class F>
double fastest(Device device, F&& call) {
  double best = 0;
  for (int round = 0; round <= kRounds; ++round) {
    if constexpr (kCudaBuild) synchronize(device);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kCallsPerRound; ++i) call();
    if constexpr (kCudaBuild) synchronize(device);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    // The first round warms up.
    if (round == 1 || (round > 1 && seconds.count() < best)) best = seconds.count();
  }
  return best / kCallsPerRound;
}

Tensor random_matrix(int64_t n, uint32_t stream, Device device) {
  Tensor out = Tensor::empty({n, n});
  RandomSequence random({.seed = 1, .stream = stream});
  std::generate_n(out.data<float>(), out.numel(), [&] { return random.uniform(-1, 1); });
  return out.to(device).to(DType::bf16);
}

}  // namespace

CudaRates measure_cuda_rates(Device device) {
  const NoGrad no_grad;
  CudaRates rates;
  constexpr int64_t kBytes = int64_t{1} << 30;  // far beyond any cache
  const Tensor from = Tensor::zeros({kBytes}, {.dtype = DType::u8, .device = device});
  Tensor to = Tensor::empty_like(from);
  rates.copy_gb_per_s =
      2e-9 * static_cast<double>(kBytes) / fastest(device, [&] { to.copy_from(from); });
  constexpr int64_t kSide = 8192;
  const Tensor a = random_matrix(kSide, 0, device), b = random_matrix(kSide, 1, device);
  rates.gemm_tflops =
      2e-12 * static_cast<double>(kSide * kSide * kSide) / fastest(device, [&] { matmul(a, b); });
  return rates;
}

}  // namespace tessera

#include "framework/ops/draws_cpu.h"
#include "framework/ops/dropout.h"
#include "framework/ops/elementwise_cpu.h"

namespace tessera {
namespace {

// Elements whose bits make one word: of 32 bits as the numbers are, so that one vector holds both.
constexpr int64_t kWordDraws = 32;

/// to[i] = from[i] * scale where bit i is set, else 0; on top of added[i] unless that is null.
template <class T>
void keep_of_word(uint32_t bits, int32_t count, T scale, const T* __restrict from,
                  const T* __restrict added, T* __restrict to) {
  const auto kept = [=](int32_t i) {
    const T scaled = from[i] * scale;
    return (bits >> i & 1) != 0 ? scaled : T(0);
  };
  if (added != nullptr)
    for (int32_t i = 0; i < count; ++i) to[i] = added[i] + kept(i);
  else
    for (int32_t i = 0; i < count; ++i) to[i] = kept(i);
}

}  // namespace

void dropout_forward(Cpu& cpu, const Tensor& x, const Tensor& residual,
                     const DropoutOptions& options, Tensor& y) {
  dispatch_float("dropout", x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    const T* const added = residual.defined() ? residual.data<T>() : nullptr;
    T* const to = y.data<T>();
    const int64_t n = x.numel();
    const T scale = options.p < 1 ? static_cast<T>(1 / (1 - options.p)) : T(0);
    const float p = static_cast<float>(options.p);
    RandomKey key = options.key;
    if (options.step.defined()) key.step = static_cast<uint32_t>(*options.step.data<int32_t>());
    const auto chunks = [=, isa = cpu.isa()](int64_t begin, int64_t end) {
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        const uint64_t kept = draws_at_least(isa, key, chunk * kDrawBlocks, p);
        for (int64_t word = 0; word < kDraws; word += kWordDraws) {
          const int64_t first = chunk * kDraws + word;
          const auto count = static_cast<int32_t>(std::min(kWordDraws, n - first));
          keep_of_word(static_cast<uint32_t>(kept >> word), count, scale, from + first,
                       added == nullptr ? nullptr : added + first, to + first);
        }
      }
    };
    cpu.parallel_for(
        (n + kDraws - 1) / kDraws, kElementwiseGrain / (4 * kDraws),
        [&](int64_t begin, int64_t end) { vectorized(cpu.isa(), [&] { chunks(begin, end); }); });
  });
}

}  // namespace tessera

#include "framework/ops/bf16_panels.h"

#include <algorithm>

namespace tessera {

Bf16Panels::Bf16Panels(const Cpu& cpu, const float* b, int64_t K, int64_t N, bool transposed,
                       AlignedBuffer& buffer)
    : K_(bf16_padded(K)), N_(N) {
  uint32_t* const words = buffer.of<uint32_t>(count() * K_ / 2 * kBf16Block);
  words_ = words;
  const auto panel = [=, this](int64_t i, int64_t k) {
    return words + (i * K_ + k) / 2 * kBf16Block;
  };
  // Panels of a transpose are rows of b; else a few rows of b go to all panels, as they lie.
  constexpr int64_t kGrain = 4;
  if (transposed)
    cpu.parallel_for(count(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t n = i * kBf16Block;
        bf16_pairs_of_transpose({b + n * K, K, N - n, K}, K_, kBf16Block, panel(i, 0), kBf16Block);
      }
    });
  else
    cpu.parallel_for(K_ / kBf16Block, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin * kBf16Block; k < end * kBf16Block; k += kBf16Block)
        for (int64_t i = 0; i < count(); ++i) {
          const int64_t n = i * kBf16Block;
          bf16_pairs({b + k * N + n, N, K - k, N - n}, kBf16Block, kBf16Block, panel(i, k),
                     kBf16Block);
        }
    });
}

void Bf16Panels::multiply(CpuIsa isa, const uint16_t* a, int64_t a_row, int64_t rows, int64_t first,
                          int64_t last, const float* bias, float* y) const {
  const int64_t rows_padded = bf16_padded(rows);
  for (int64_t i = first; i < last; ++i) {
    const int64_t n = i * kBf16Block, columns = std::min(kBf16Block, N_ - n);
    const float* const panel_bias = bias == nullptr ? nullptr : bias + n;
    const bool is_whole = columns == kBf16Block;
    Bf16BlockProduct product{.M = rows_padded,
                             .N = kBf16Block,
                             .K = K_,
                             .a = a,
                             .a_row = a_row,
                             .b = words_ + i * K_ / 2 * kBf16Block,
                             .b_row = kBf16Block,
                             .c = y + n,
                             .c_row = N_,
                             .bias = is_whole ? panel_bias : nullptr};
    if (rows == rows_padded && is_whole) {
      bf16_block_product(isa, product);
      continue;
    }
    alignas(64) float block[kRows * kBf16Block];
    product.c = block;
    product.c_row = kBf16Block;
    bf16_block_product(isa, product);
    store_block(block, rows, columns, is_whole ? nullptr : panel_bias, y + n, N_);
  }
}

}  // namespace tessera

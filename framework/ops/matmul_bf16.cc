// B is rounded once; each thread rounds the rows of A that it multiplies, a few at a time, so that
// they stay in its caches.
#include "framework/ops/matmul_bf16.h"

#include <algorithm>

#include "framework/ops/bf16_panels.h"

namespace tessera {

void bf16_matrix_product(const MatrixExtents& extents, MatmulOptions options, const float* a,
                         const float* b, const float* bias, float* y) {
  static thread_local AlignedBuffer panels_buffer;
  const auto [M, N, K] = extents;
  const Bf16Panels panels(cpu(), b, K, N, options.transpose_b, panels_buffer);
  const int64_t depth = panels.depth();
  const int64_t a_row = spread_row<uint16_t>(depth);
  const auto pack_rows = [&](int64_t m, int64_t rows, uint16_t* packed) {
    if (options.transpose_a)
      bf16_rows_of_transpose({a + m, M, K, M - m}, rows, depth, packed, a_row);
    else
      bf16_rows({a + m * K, K, M - m, K}, rows, depth, packed, a_row);
  };
  constexpr int64_t kRows = Bf16Panels::kRows;
  constexpr int64_t kGrain = 1 << 20;  // multiply-adds that pay for one more thread
  const int64_t blocks = (M + kRows - 1) / kRows;
  cpu().parallel_for(blocks * panels.count(), 1 + kGrain / (kRows * kBf16Block * depth),
                     [&](int64_t begin, int64_t end) {
                       static thread_local AlignedBuffer rows_buffer;
                       uint16_t* const packed = rows_buffer.of<uint16_t>(kRows * a_row);
                       const Bf16Tiles tiles(cpu().isa());
                       for (int64_t i = begin, next; i < end; i = next) {
                         const int64_t block = i / panels.count(), before = block * panels.count();
                         next = std::min(end, before + panels.count());
                         const int64_t m = block * kRows, rows = std::min(kRows, M - m);
                         pack_rows(m, bf16_padded(rows), packed);
                         panels.multiply(cpu().isa(), packed, a_row, rows, i - before,
                                         next - before, bias, y + m * N);
                       }
                     });
}

}  // namespace tessera

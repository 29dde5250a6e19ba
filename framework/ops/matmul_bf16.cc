// B is rounded once, in panels of a block's columns; each thread rounds the rows of A that it
// multiplies, a few at a time, so that they stay in its caches.
#include "framework/ops/matmul_bf16.h"

#include <algorithm>
#include <vector>

#include "framework/ops/bf16_block_product.h"

namespace tessera {
namespace {

constexpr int64_t kPanel = kBf16Block;  // columns
constexpr int64_t kRows = 64;           // of A at a time
// Then what a product reads of a panel, and two blocks of rows of A, fit the first cache.
constexpr int64_t kDepth = 512;
// Multiply-adds that pay for one more thread.
constexpr int64_t kGrain = 1 << 20;

int64_t padded(int64_t n) { return (n + kBf16Block - 1) / kBf16Block * kBf16Block; }

/// `buffer` grows to what is asked for and stays: a network asks for the same again.
template <class T>
T* grown(std::vector<T>& buffer, int64_t count) {
  if (buffer.size() < static_cast<size_t>(count)) buffer.resize(static_cast<size_t>(count));
  return buffer.data();
}

/// Columns [column, ...) of rows [row, ...) of a matrix [rows, columns] without gaps.
PaddedMatrix part(const float* x, int64_t rows, int64_t columns, int64_t row, int64_t column) {
  return {x + row * columns + column, columns, rows - row, columns - column};
}

struct Product {
  MatrixExtents extents;
  MatmulOptions options;
  const float *a, *b;
  float* y;
  int64_t K = padded(extents.K), panels = padded(extents.N) / kPanel;
  /// Between rows of A: not a power of two, which would put them all in the same few cache lines.
  int64_t a_row = K + kBf16Block;

  /// Rows [k, k + depth) of a panel.
  void pack_panel(int64_t panel, int64_t k, int64_t depth, uint32_t* packed) const {
    const auto [M, N, K_used] = extents;
    uint32_t* const to = packed + (panel * K + k) / 2 * kPanel;
    if (options.transpose_b)
      bf16_pairs_of_transpose(part(b, N, K_used, panel * kPanel, k), depth, kPanel, to, kPanel);
    else
      bf16_pairs(part(b, K_used, N, k, panel * kPanel), depth, kPanel, to, kPanel);
  }

  void pack_rows(int64_t m, int64_t rows, uint16_t* packed) const {
    const auto [M, N, K_used] = extents;
    if (options.transpose_a)
      bf16_rows_of_transpose(part(a, K_used, M, 0, m), rows, K, packed, a_row);
    else
      bf16_rows(part(a, M, K_used, m, 0), rows, K, packed, a_row);
  }

  /// Rows [m, m + rows) of C by one panel and one stretch of K.
  void multiply(CpuIsa isa, int64_t m, int64_t rows, const uint16_t* rows_of_a, int64_t panel,
                const uint32_t* packed, int64_t k) const {
    const auto [M, N, K_used] = extents;
    float* const c = y + m * N + panel * kPanel;
    const int64_t rows_inside = std::min(rows, M - m);
    const int64_t columns_inside = std::min(kPanel, N - panel * kPanel);
    Bf16BlockProduct p{.M = rows,
                       .N = kPanel,
                       .K = std::min(kDepth, K - k),
                       .a = rows_of_a + k,
                       .a_row = a_row,
                       .b = packed + (panel * K + k) / 2 * kPanel,
                       .b_row = kPanel,
                       .c = c,
                       .c_row = N,
                       .accumulates = k > 0};
    if (rows_inside == rows && columns_inside == kPanel) return bf16_block_product(isa, p);
    alignas(64) float block[kRows * kPanel] = {};
    const auto copy_rows = [&](const float* from, int64_t from_row, float* to, int64_t to_row) {
      for (int64_t i = 0; i < rows_inside; ++i)
        std::copy_n(from + i * from_row, columns_inside, to + i * to_row);
    };
    if (p.accumulates) copy_rows(c, N, block, kPanel);
    p.c = block;
    p.c_row = kPanel;
    bf16_block_product(isa, p);
    copy_rows(block, kPanel, c, N);
  }
};

}  // namespace

void bf16_matrix_product(const MatrixExtents& extents, MatmulOptions options, const float* a,
                         const float* b, float* y) {
  static thread_local std::vector<uint32_t> panels_buffer;
  const Product p{extents, options, a, b, y};
  uint32_t* const packed = grown(panels_buffer, p.panels * p.K / 2 * kPanel);
  // Panels of a transpose are rows of b; else a few rows of b go to all panels, as they lie.
  constexpr int64_t kPackGrain = 4;
  if (options.transpose_b)
    cpu().parallel_for(p.panels, kPackGrain, [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) p.pack_panel(panel, 0, p.K, packed);
    });
  else
    cpu().parallel_for(p.K / kBf16Block, kPackGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * p.panels; i < end * p.panels; ++i)
        p.pack_panel(i % p.panels, i / p.panels * kBf16Block, kBf16Block, packed);
    });
  const int64_t blocks = (extents.M + kRows - 1) / kRows;
  cpu().parallel_for(
      blocks * p.panels, 1 + kGrain / (kRows * kPanel * p.K), [&](int64_t begin, int64_t end) {
        static thread_local std::vector<uint16_t> rows_buffer;
        uint16_t* const rows_of_a = grown(rows_buffer, kRows * p.a_row);
        const CpuIsa isa = cpu().isa();
        const Bf16Tiles tiles(isa);
        for (int64_t i = begin, next; i < end; i = next) {
          const int64_t m = i / p.panels * kRows, rows = std::min(kRows, padded(extents.M - m));
          next = std::min(end, (i / p.panels + 1) * p.panels);
          p.pack_rows(m, rows, rows_of_a);
          for (int64_t k = 0; k < p.K; k += kDepth)
            for (int64_t j = i; j < next; ++j)
              p.multiply(isa, m, rows, rows_of_a, j % p.panels, packed, k);
        }
      });
}

}  // namespace tessera

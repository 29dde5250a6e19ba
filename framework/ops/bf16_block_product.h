// C = A B [+ bias] or C += A B for small matrices in bf16 that lie in the caches, on one thread,
// with sums in f32: on AMX's tiles, else on AVX-512's products of pairs. block_product.h is the
// same in f32 and f64.
//
// A lies in rows, with K along them; B in pairs: rows 2k and 2k+1 of a column are the low and the
// high half of one word. The four functions below round matrices of f32, or their transposes, to
// either; what lies outside of the matrix becomes zeros.
#pragma once

#include <cstdint>

#include "framework/backend/cpu.h"

namespace tessera {

/// REQUIRES: M, N and K at least kBf16Block and multiples of it: pad with zeros.
struct Bf16BlockProduct {
  int64_t M = 0, N = 0, K = 0;
  const uint16_t* a = nullptr;  ///< A[m, k] = a[m * a_row + k]
  int64_t a_row = 0;
  const uint32_t* b = nullptr;  ///< B[2k, n] and B[2k + 1, n] are b[k * b_row + n]
  int64_t b_row = 0;
  float* c = nullptr;  ///< C[m, n] = c[m * c_row + n]
  int64_t c_row = 0;
  bool accumulates = false;
  const float* bias = nullptr;  ///< [N], for each row, or null; not where C accumulates
};

inline constexpr int64_t kBf16Block = 32;

/// `n` rounded up to a multiple of kBf16Block.
constexpr int64_t bf16_padded(int64_t n) { return (n + kBf16Block - 1) / kBf16Block * kBf16Block; }

/// How far rows of n elements of T should lie apart: an odd number of cache lines, since at a power
/// of two all rows would share a few of the lines that a cache has.
template <class T>
constexpr int64_t spread_row(int64_t n) {
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
  return ((n + kLine - 1) / kLine | 1) * kLine;
}

/// REQUIRES: cpu().has_bf16(), and that a Bf16Tiles lives on this thread.
void bf16_block_product(CpuIsa isa, const Bf16BlockProduct& product);

/// c[i * c_row + j] = block[i * kBf16Block + j] + bias[j] for i < rows and j < columns, at most
/// kBf16Block; without bias where that is null.  REQUIRES: cpu().has_bf16().
void store_block(const float* block, int64_t rows, int64_t columns, const float* bias, float* c,
                 int64_t c_row);

/// Sets up the thread's tiles, where the family has them.
class Bf16Tiles {
 public:
  explicit Bf16Tiles(CpuIsa isa);
  ~Bf16Tiles();
  Bf16Tiles(const Bf16Tiles&) = delete;
  Bf16Tiles& operator=(const Bf16Tiles&) = delete;

 private:
  CpuIsa isa_;
};

/// scale * x[i * row + j] for i < rows, j < columns, else 0.
struct PaddedMatrix {
  const float* x = nullptr;
  int64_t row = 0, rows = 0, columns = 0;
  float scale = 1;
};

/// Each fills [rows, columns] of bf16; its extents are multiples of kBf16Block, but for rows of
/// bf16_rows(), which may be any. A row of pairs is two rows.  REQUIRES: cpu().has_bf16().
void bf16_rows(const PaddedMatrix& x, int64_t rows, int64_t columns, uint16_t* to, int64_t to_row);
void bf16_rows_of_transpose(const PaddedMatrix& x, int64_t rows, int64_t columns, uint16_t* to,
                            int64_t to_row);
void bf16_pairs(const PaddedMatrix& x, int64_t rows, int64_t columns, uint32_t* to, int64_t to_row);
void bf16_pairs_of_transpose(const PaddedMatrix& x, int64_t rows, int64_t columns, uint32_t* to,
                             int64_t to_row);

/// to[j][i] = from[i][j].  REQUIRES: rows and columns multiples of kBf16Block; cpu().has_bf16().
void transpose_floats(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to,
                      int64_t to_row);

}  // namespace tessera

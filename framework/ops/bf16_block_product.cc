#include "framework/ops/bf16_block_product.h"

#include <immintrin.h>

namespace tessera {

namespace {

#define TESSERA_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define TESSERA_BF16_INLINE TESSERA_BF16 __attribute__((always_inline)) inline
#define TESSERA_AMX __attribute__((target("amx-tile,amx-bf16")))

constexpr int64_t kLanes32 = 16;  // words of a vector
typedef uint32_t Words __attribute__((vector_size(64)));
typedef uint16_t Halves __attribute__((vector_size(64)));

/// The first lanes that lie inside of a row.
TESSERA_BF16_INLINE __mmask16 lanes_inside(int64_t left) {
  if (left >= kLanes32) return 0xffff;
  return static_cast<__mmask16>(left <= 0 ? 0 : (1 << left) - 1);
}

/// Elements [j, j + 16) of row i.
TESSERA_BF16_INLINE __m512 sixteen(const PaddedMatrix& x, int64_t i, int64_t j) {
  const __mmask16 inside = i < x.rows ? lanes_inside(x.columns - j) : __mmask16{0};
  return _mm512_maskz_loadu_ps(inside, x.x + i * x.row + j) * x.scale;
}

/// Elements [j, j + 32) of row i: neighbours make a word.
TESSERA_BF16_INLINE Words words_of_row(const PaddedMatrix& x, int64_t i, int64_t j) {
  return (Words)_mm512_cvtne2ps_pbh(sixteen(x, i, j + kLanes32), sixteen(x, i, j));
}

/// Elements [j, j + 16) of rows i and i + 1: those of a column make a word.
TESSERA_BF16_INLINE Words words_of_rows(const PaddedMatrix& x, int64_t i, int64_t j) {
  const auto halves = (Halves)_mm512_cvtne2ps_pbh(sixteen(x, i + 1, j), sixteen(x, i, j));
  return (Words)__builtin_shufflevector(halves, halves, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                        22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14,
                                        30, 15, 31);
}

TESSERA_BF16_INLINE void store(const Words& words, void* to) {
  _mm512_storeu_si512(to, (__m512i)words);
}

/// Of 16 x 16 words: in each step the blocks off the diagonal of larger blocks change places.
TESSERA_BF16_INLINE void transpose(Words* v) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    const Words a = v[i], b = v[i + 8];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    v[i + 8] =
        __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) {
    const int i = k / 4 * 8 + k % 4;
    const Words a = v[i], b = v[i + 4];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    v[i + 4] =
        __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  }
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) {
    const int i = k / 2 * 4 + k % 2;
    const Words a = v[i], b = v[i + 2];
    v[i] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    v[i + 2] =
        __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    const Words a = v[i], b = v[i + 1];
    v[i] = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
    v[i + 1] =
        __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  }
}

constexpr int kDotRows = 8;

/// Rows [m, m + kDotRows) and columns [n, n + 32) of C.
TESSERA_BF16_INLINE void dot_block(const Bf16BlockProduct& p, int64_t m, int64_t n) {
  __m512 sums[kDotRows][2];
  float* const c = p.c + m * p.c_row + n;
  alignas(64) static const float kZeros[kBf16Block] = {};
  const float* const start = p.accumulates ? c : p.bias != nullptr ? p.bias + n : kZeros;
  const int64_t start_row = p.accumulates ? p.c_row : 0;
#pragma GCC unroll 8
  for (int r = 0; r < kDotRows; ++r) {
    sums[r][0] = _mm512_loadu_ps(start + r * start_row);
    sums[r][1] = _mm512_loadu_ps(start + r * start_row + kLanes32);
  }
  const uint16_t* a = p.a + m * p.a_row;
  const uint32_t* b = p.b + n;
  for (int64_t k = 0; k < p.K; k += 2, a += 2, b += p.b_row) {
    const auto b0 = (__m512bh)_mm512_loadu_si512(b);
    const auto b1 = (__m512bh)_mm512_loadu_si512(b + kLanes32);
#pragma GCC unroll 8
    for (int r = 0; r < kDotRows; ++r) {
      int32_t pair;
      __builtin_memcpy(&pair, a + r * p.a_row, sizeof pair);
      const auto all = (__m512bh)_mm512_set1_epi32(pair);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], all, b0);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], all, b1);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kDotRows; ++r) {
    _mm512_storeu_ps(c + r * p.c_row, sums[r][0]);
    _mm512_storeu_ps(c + r * p.c_row + kLanes32, sums[r][1]);
  }
}

TESSERA_BF16 void product_of_pairs(const Bf16BlockProduct& p) {
  for (int64_t n = 0; n < p.N; n += kBf16Block)
    for (int64_t m = 0; m < p.M; m += kDotRows) dot_block(p, m, n);
}

/// What LDTILECFG reads: eight tiles of 16 rows of 64 bytes.
struct TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr int64_t kTile = 16;

/// A block of 2 x 2 tiles of C, 0 to 3; tiles 4 and 5 are of A, 6 and 7 of B. Where another thread
/// of the core uses tiles, too, each of them waits for whoever reads what it held: it is loaded
/// right after its last use.
TESSERA_AMX void product_of_tiles(const Bf16BlockProduct& p) {
  const auto a_row = static_cast<size_t>(p.a_row) * sizeof(*p.a);
  const auto b_row = static_cast<size_t>(p.b_row) * sizeof(*p.b);
  alignas(64) float block[kBf16Block * kBf16Block];
  for (int64_t n = 0; n < p.N; n += kBf16Block)
    for (int64_t m = 0; m < p.M; m += kBf16Block) {
      const uint16_t *a0 = p.a + m * p.a_row, *a1 = a0 + kTile * p.a_row;
      const uint32_t* b = p.b + n;
      _tile_loadd(4, a0, a_row);
      _tile_loadd(6, b, b_row);
      _tile_loadd(7, b + kTile, b_row);
      _tile_loadd(5, a1, a_row);
      float* const c = p.c + m * p.c_row + n;
      float* const top = p.bias != nullptr ? block : c;
      const int64_t top_row = p.bias != nullptr ? kBf16Block : p.c_row;
      const auto c_row = static_cast<size_t>(top_row) * sizeof(*p.c);
      float* const bottom = top + kTile * top_row;
      if (p.accumulates) {
        _tile_loadd(0, top, c_row);
        _tile_loadd(1, top + kTile, c_row);
        _tile_loadd(2, bottom, c_row);
        _tile_loadd(3, bottom + kTile, c_row);
      } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
      }
      for (int64_t k = kBf16Block; k < p.K; k += kBf16Block) {
        a0 += kBf16Block;
        a1 += kBf16Block;
        b += kTile * p.b_row;
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(4, a0, a_row);
        _tile_dpbf16ps(2, 5, 6);
        _tile_loadd(6, b, b_row);
        _tile_dpbf16ps(3, 5, 7);
        _tile_loadd(7, b + kTile, b_row);
        _tile_loadd(5, a1, a_row);
      }
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
      _tile_stored(0, top, c_row);
      _tile_stored(1, top + kTile, c_row);
      _tile_stored(2, bottom, c_row);
      _tile_stored(3, bottom + kTile, c_row);
      if (p.bias != nullptr) store_block(block, kBf16Block, kBf16Block, p.bias + n, c, p.c_row);
    }
}

TESSERA_AMX void configure_tiles() {
  alignas(64) static const TileConfig config;
  _tile_loadconfig(&config);
}

TESSERA_AMX void release_tiles() { _tile_release(); }

}  // namespace

Bf16Tiles::Bf16Tiles(CpuIsa isa) : isa_(isa) {
  if (isa_ >= CpuIsa::amx) configure_tiles();
}

Bf16Tiles::~Bf16Tiles() {
  if (isa_ >= CpuIsa::amx) release_tiles();
}

TESSERA_BF16 void store_block(const float* block, int64_t rows, int64_t columns, const float* bias,
                              float* c, int64_t c_row) {
  const __mmask16 inside[] = {lanes_inside(columns), lanes_inside(columns - kLanes32)};
  __m512 added[2];
  for (int half = 0; half < 2; ++half)
    added[half] = bias != nullptr ? _mm512_maskz_loadu_ps(inside[half], bias + half * kLanes32)
                                  : _mm512_setzero_ps();
  for (int64_t i = 0; i < rows; ++i)
    for (int half = 0; half < 2; ++half)
      _mm512_mask_storeu_ps(
          c + i * c_row + half * kLanes32, inside[half],
          _mm512_loadu_ps(block + i * kBf16Block + half * kLanes32) + added[half]);
}

void bf16_block_product(CpuIsa isa, const Bf16BlockProduct& product) {
  if (isa >= CpuIsa::amx)
    product_of_tiles(product);
  else
    product_of_pairs(product);
}

TESSERA_BF16 void bf16_rows(const PaddedMatrix& x, int64_t rows, int64_t columns, uint16_t* to,
                            int64_t to_row) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; j += 2 * kLanes32)
      store(words_of_row(x, i, j), to + i * to_row + j);
}

TESSERA_BF16 void bf16_pairs(const PaddedMatrix& x, int64_t rows, int64_t columns, uint32_t* to,
                             int64_t to_row) {
  for (int64_t i = 0; i < rows; i += 2)
    for (int64_t j = 0; j < columns; j += kLanes32)
      store(words_of_rows(x, i, j), to + i / 2 * to_row + j);
}

TESSERA_BF16 void bf16_rows_of_transpose(const PaddedMatrix& x, int64_t rows, int64_t columns,
                                         uint16_t* to, int64_t to_row) {
  for (int64_t j = 0; j < columns; j += 2 * kLanes32)
    for (int64_t i = 0; i < rows; i += kLanes32) {
      Words v[kLanes32];
#pragma GCC unroll 16
      for (int64_t r = 0; r < kLanes32; ++r) v[r] = words_of_rows(x, j + 2 * r, i);
      transpose(v);
#pragma GCC unroll 16
      for (int64_t r = 0; r < kLanes32; ++r) store(v[r], to + (i + r) * to_row + j);
    }
}

TESSERA_BF16 void bf16_pairs_of_transpose(const PaddedMatrix& x, int64_t rows, int64_t columns,
                                          uint32_t* to, int64_t to_row) {
  for (int64_t j = 0; j < columns; j += kLanes32)
    for (int64_t i = 0; i < rows; i += 2 * kLanes32) {
      Words v[kLanes32];
#pragma GCC unroll 16
      for (int64_t r = 0; r < kLanes32; ++r) v[r] = words_of_row(x, j + r, i);
      transpose(v);
#pragma GCC unroll 16
      for (int64_t r = 0; r < kLanes32; ++r) store(v[r], to + (i / 2 + r) * to_row + j);
    }
}

TESSERA_BF16 void transpose_floats(const float* from, int64_t from_row, int64_t rows,
                                   int64_t columns, float* to, int64_t to_row) {
  for (int64_t i = 0; i < rows; i += kLanes32)
    for (int64_t j = 0; j < columns; j += kLanes32) {
      Words v[kLanes32];
#pragma GCC unroll 16
      for (int64_t r = 0; r < kLanes32; ++r)
        v[r] = (Words)_mm512_loadu_si512(from + (i + r) * from_row + j);
      transpose(v);
#pragma GCC unroll 16
      for (int64_t r = 0; r < kLanes32; ++r) store(v[r], to + (j + r) * to_row + i);
    }
}

}  // namespace tessera

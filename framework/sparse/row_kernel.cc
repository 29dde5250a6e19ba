#include "framework/sparse/row_kernel.h"

#include <algorithm>

#include "framework/sparse/simd_store.h"

namespace tessera {
namespace {

constexpr int64_t kRowsAtOnce = 8;

/// Where the strips of one tile lie.
struct TileRows {
  const float* values;  // of its first strip
  const int32_t* offsets;
  int64_t kept;
};

/// kStrips strips for kRows rows. The vectors of a strip cover kStripOutputs outputs, which may be
/// more than its kStride: those read into the next weights, and nobody stores them.
template <int kWidth, int kStride, int kRows, int kStrips>
TESSERA_INLINE void block(const TileRows& tile, const float* values, const Strip* strips,
                          const RowCall& call, int64_t row) {
  using V = typename VectorOf<kWidth>::type;
  constexpr int kVectors = kStripOutputs / kWidth;
  V sums[kStrips][kRows][kVectors];
#pragma GCC unroll 4
  for (int s = 0; s < kStrips; ++s)
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[s][m][v] = V{};
  const float* const x = call.x + row * call.x_stride;
  const int64_t strip_floats = tile.kept * kStride;
  for (int64_t k = 0; k < tile.kept; ++k) {
    const float* const at = x + tile.offsets[k] / kChunkWidth;
#pragma GCC unroll 4
    for (int s = 0; s < kStrips; ++s)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const V w = reinterpret_cast<const V*>(values + s * strip_floats + k * kStride)[v];
#pragma GCC unroll 8
        for (int m = 0; m < kRows; ++m) sums[s][m][v] += w * at[m * call.x_stride];
      }
  }
  float stored[kStrips][kRows][kStripOutputs];
#pragma GCC unroll 4
  for (int s = 0; s < kStrips; ++s)
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) reinterpret_cast<V*>(stored[s][m])[v] = sums[s][m][v];
  for (int s = 0; s < kStrips; ++s)
    for (int m = 0; m < kRows; ++m) {
      float* const y = call.y + (row + m) * call.y_stride;
      for (int o = 0; o < strips[s].count; ++o)
        y[strips[s].outputs[o]] = stored[s][m][o] + strips[s].bias[o];
    }
}

/// As many strips at once as registers hold: one row alone would wait for its own sum.
template <int kWidth, int kStride, int kRows>
TESSERA_INLINE void strips_of(const TileRows& tile, const Strip* strips, int64_t count,
                              const RowCall& call, int64_t row) {
  constexpr int kStrips = kRows == 1 ? 4 : kRows <= 6 ? 2 : 1;
  const int64_t strip_floats = tile.kept * kStride;
  int64_t s = 0;
  for (; s + kStrips <= count; s += kStrips)
    block<kWidth, kStride, kRows, kStrips>(tile, tile.values + s * strip_floats, strips + s, call,
                                           row);
  for (; s < count; ++s)
    block<kWidth, kStride, kRows, 1>(tile, tile.values + s * strip_floats, strips + s, call, row);
}

template <int kWidth, int kStride>
TESSERA_INLINE void some_rows(const TileRows& tile, const Strip* strips, int64_t count,
                              const RowCall& call, int64_t row) {
  switch (std::min(kRowsAtOnce, call.rows - row)) {
    case 1:
      return strips_of<kWidth, kStride, 1>(tile, strips, count, call, row);
    case 2:
      return strips_of<kWidth, kStride, 2>(tile, strips, count, call, row);
    case 3:
      return strips_of<kWidth, kStride, 3>(tile, strips, count, call, row);
    case 4:
      return strips_of<kWidth, kStride, 4>(tile, strips, count, call, row);
    case 5:
      return strips_of<kWidth, kStride, 5>(tile, strips, count, call, row);
    case 6:
      return strips_of<kWidth, kStride, 6>(tile, strips, count, call, row);
    case 7:
      return strips_of<kWidth, kStride, 7>(tile, strips, count, call, row);
    default:
      return strips_of<kWidth, kStride, 8>(tile, strips, count, call, row);
  }
}

TESSERA_INLINE void add_singles(const RowCall& call, int64_t begin, int64_t end) {
  const StripMatrix& weights = call.weights;
  for (int64_t s = begin; s < end; ++s)
    for (int o = 0; o < weights.strips[static_cast<size_t>(s)].count; ++o) {
      const auto first = static_cast<size_t>(s * kStripOutputs + o);
      const int32_t output = weights.strips[static_cast<size_t>(s)].outputs[o];
      for (int64_t m = 0; m < call.rows; ++m) {
        const float* const x = call.x + m * call.x_stride;
        float sum = 0;
        for (int64_t i = weights.singles_begin[first]; i < weights.singles_begin[first + 1]; ++i) {
          const SingleWeight& w = weights.singles[static_cast<size_t>(i)];
          sum += w.value * x[w.offset / kChunkWidth];
        }
        call.y[m * call.y_stride + output] += sum;
      }
    }
}

template <int kWidth, int kStride>
TESSERA_INLINE void run(const RowCall& call, int64_t begin, int64_t end) {
  for (const StripMatrix::Tile& tile : call.weights.tiles) {
    const int64_t first = std::max(tile.strip_begin, begin);
    const int64_t last = std::min(tile.strip_end, end);
    if (first >= last) continue;
    const TileRows rows{call.weights.values.data() + tile.values_begin +
                            (first - tile.strip_begin) * tile.rows * kStride,
                        call.weights.offsets.data() + tile.offsets_begin, tile.rows};
    for (int64_t row = 0; row < call.rows; row += kRowsAtOnce)
      some_rows<kWidth, kStride>(rows, call.weights.strips.data() + first, last - first, call, row);
    if (tile.has_singles) add_singles(call, first, last);
  }
}

void run_portable(const RowCall& call, int64_t begin, int64_t end) {
  run<4, kPortableStrip>(call, begin, end);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void run_avx2(const RowCall& call, int64_t begin, int64_t end) {
  run<8, kAvx2Strip>(call, begin, end);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma"))) void run_avx512(
    const RowCall& call, int64_t begin, int64_t end) {
  run<8, kAvx512Strip>(call, begin, end);
}
#endif

}  // namespace

RowKernel row_kernel(CpuIsa isa) {
#if defined(__x86_64__)
  if (isa >= CpuIsa::avx512) return run_avx512;
  if (isa >= CpuIsa::avx2) return run_avx2;
#else
  (void)isa;
#endif
  return run_portable;
}

}  // namespace tessera

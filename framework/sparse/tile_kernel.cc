#include "framework/sparse/tile_kernel.h"

#include <algorithm>
#include <cstring>

// One body serves every family: the vector type and the block's shape are parameters, and the body
// is inlined into functions compiled for the family. Nothing else in this file is inline, so no
// instruction of a newer family can leak into code that others share.
#define TESSERA_INLINE inline __attribute__((always_inline))

namespace tessera {
namespace {

/// Vectors at any address. Name them through this type: a deduced template parameter would drop the
/// alignment.
template <int kWidth>
struct VectorOf {
  typedef float type __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));
  typedef int32_t integers __attribute__((vector_size(kWidth * sizeof(float)), aligned(4)));
};

/// x = x/2 erfc(-x / sqrt 2), with Abramowitz and Stegun's 7.1.26 for erfc (error 1.5e-7) and
/// exp(-a^2) as 2^n 2^f, |f| <= 1/2, by its Taylor series (error 1e-7).
template <int kWidth>
TESSERA_INLINE void apply_gelu(typename VectorOf<kWidth>::type& x) {
  using V = typename VectorOf<kWidth>::type;
  using I = typename VectorOf<kWidth>::integers;
  V a = (x < 0 ? -x : x) * 0.70710678f;
  a = a < 9.0f ? a : V{} + 9.0f;  // erfc(9) is 0 in f32, and 2^n stays a normal number
  const V t = 1.0f / (1.0f + 0.3275911f * a);
  const V series =
      t * (0.254829592f +
           t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  const V z = a * a * -1.44269504f;
  const I n = __builtin_convertvector(z - 0.5f, I);
  const V f = (z - __builtin_convertvector(n, V)) * 0.69314718f;
  const V tail = 1.0f / 6 + f * (1.0f / 24 + f * (1.0f / 120 + f * (1.0f / 720)));
  const V power = 1.0f + f * (1.0f + f * (0.5f + f * tail));
  const I exponent = (n + 127) << 23;
  const V erfc = series * power * (V)exponent;
  x = 0.5f * x * (x < 0 ? erfc : 2.0f - erfc);
}

/// Moves the positions that are stored to the front of the chunk.
TESSERA_INLINE void compress_lanes(const TileCall& call, int64_t lanes, void* sums) {
  float row[kChunkWidth], stored[kChunkWidth] = {};
  std::memcpy(row, sums, sizeof(row));
  for (int64_t i = 0; i < lanes; ++i)
    stored[i] = row[i / call.lane_width * call.lane_step * call.lane_width + i % call.lane_width];
  std::memcpy(sums, stored, sizeof(stored));
}

/// Adds bias and residual, activates, and stores one row of a chunk.
template <int kWidth>
TESSERA_INLINE void store_row(const TileCall& call, const Chunk& chunk, const Strip& strip, int o,
                              typename VectorOf<kWidth>::type* sums) {
  using V = typename VectorOf<kWidth>::type;
  constexpr int kVectors = kChunkWidth / kWidth;
  float* const y = chunk.y + strip.outputs[o] * call.y_stride;
  if (call.lane_step > 1) compress_lanes(call, chunk.lanes, sums);
  for (int v = 0; v < kVectors; ++v) sums[v] += strip.bias[o];
  if (chunk.residual != nullptr) {
    const float* const from = chunk.residual + strip.outputs[o] * call.residual_stride;
    for (int v = 0; v < kVectors; ++v) sums[v] += reinterpret_cast<const V*>(from)[v];
  }
  if (call.activation == Activation::relu) {
    for (int v = 0; v < kVectors; ++v) sums[v] = sums[v] > 0 ? sums[v] : V{} + 0.0f;
  }
  if (call.activation == Activation::gelu)
    for (int v = 0; v < kVectors; ++v) apply_gelu<kWidth>(sums[v]);
  if (chunk.lanes == kChunkWidth) {
    for (int v = 0; v < kVectors; ++v) reinterpret_cast<V*>(y)[v] = sums[v];
  } else {
    float row[kChunkWidth];
    for (int v = 0; v < kVectors; ++v) reinterpret_cast<V*>(row)[v] = sums[v];
    std::memcpy(y, row, static_cast<size_t>(chunk.lanes) * sizeof(float));
  }
}

/// kOutputs outputs of a strip, from `first` on, for kChunks chunks from `chunk` on; the weights of
/// a strip lie as [k][kStride].
template <int kWidth, int kStride, int kOutputs, int kChunks>
TESSERA_INLINE void strip_block(const TileCall& call, const float* weights, const Strip& strip,
                                int first, int chunk) {
  using V = typename VectorOf<kWidth>::type;
  constexpr int kVectors = kChunkWidth / kWidth;
  V sums[kOutputs][kChunks][kVectors];
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 3
    for (int c = 0; c < kChunks; ++c)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[o][c][v] = V{};
  const float* base[kChunks];
  for (int c = 0; c < kChunks; ++c) base[c] = call.chunks[chunk + c].x;
  const int32_t* const offsets = call.offsets;
  const float* w = weights + first;
  for (int64_t k = 0; k < call.rows; ++k, w += kStride) {
    V x[kChunks][kVectors];
#pragma GCC unroll 3
    for (int c = 0; c < kChunks; ++c)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        x[c][v] = reinterpret_cast<const V*>(base[c] + offsets[k])[v];
#pragma GCC unroll 8
    for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 3
      for (int c = 0; c < kChunks; ++c)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[o][c][v] += x[c][v] * w[o];
  }
  // Through memory, so that the store is one loop and the sums above keep their registers.
  V block[kOutputs][kChunks][kVectors];
#pragma GCC unroll 8
  for (int o = 0; o < kOutputs; ++o)
#pragma GCC unroll 3
    for (int c = 0; c < kChunks; ++c)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) block[o][c][v] = sums[o][c][v];
  const int used = std::min(kOutputs, strip.count - first);
  for (int c = 0; c < kChunks; ++c)
    for (int o = 0; o < used; ++o)
      store_row<kWidth>(call, call.chunks[chunk + c], strip, first + o, block[o][c]);
}

/// Strips of kStride outputs in blocks of kOutputs x kBlock chunks, as many sums as registers hold.
/// All strips of one block of chunks come before the next, whose rows of X then stay close: the
/// weights, read in order, are easier to fetch again.
template <int kWidth, int kStride, int kOutputs, int kBlock, int kChunks>
TESSERA_INLINE void tile(const TileCall& call) {
  for (int chunk = 0; chunk < kChunks; chunk += kBlock) {
    const float* weights = call.values;
    for (int64_t s = 0; s < call.strip_count; ++s, weights += call.rows * kStride)
      for (int first = 0; first < call.strips[s].count; first += kOutputs)
        strip_block<kWidth, kStride, kOutputs, kBlock>(call, weights, call.strips[s], first, chunk);
  }
}

// The registers hold a block's sums, its rows of X and a weight.
constexpr int kPortableStrip = 8;  // in blocks of 2 outputs x 4 vectors: 13 of 16 registers
constexpr int kAvx2Strip = 6;      // x 2 vectors: 15 of 16
constexpr int kAvx512Strip = 8;    // x 3 vectors: 28 of 32

template <int kChunks>
void tile_portable(const TileCall& call) {
  tile<4, kPortableStrip, 2, 1, kChunks>(call);
}

#if defined(__x86_64__)
template <int kChunks>
__attribute__((target("avx2,fma"))) void tile_avx2(const TileCall& call) {
  tile<8, kAvx2Strip, kAvx2Strip, 1, kChunks>(call);
}

template <int kChunks>
__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,prefer-vector-width=512"))) void
tile_avx512(const TileCall& call) {
  tile<16, kAvx512Strip, kAvx512Strip, kChunks, kChunks>(call);
}
#endif

}  // namespace

const TileKernels& tile_kernels(CpuIsa isa) {
  static constexpr TileKernels portable{{tile_portable<1>, tile_portable<2>, tile_portable<3>},
                                        kPortableStrip};
#if defined(__x86_64__)
  static constexpr TileKernels avx2{{tile_avx2<1>, tile_avx2<2>, tile_avx2<3>}, kAvx2Strip};
  static constexpr TileKernels avx512{{tile_avx512<1>, tile_avx512<2>, tile_avx512<3>},
                                      kAvx512Strip};
  if (isa >= CpuIsa::avx512) return avx512;
  if (isa >= CpuIsa::avx2) return avx2;
#else
  (void)isa;
#endif
  return portable;
}

}  // namespace tessera

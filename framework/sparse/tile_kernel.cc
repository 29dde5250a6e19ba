#include "framework/sparse/tile_kernel.h"

#include <algorithm>

#include "framework/sparse/simd_store.h"

namespace tessera {
namespace {

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
      store_row<kWidth>(call, call.chunks[chunk + c], strip.outputs[first + o],
                        strip.bias[first + o], block[o][c]);
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

#include "framework/sparse/tile_kernel.h"

#include <algorithm>

#include "framework/sparse/simd_store.h"

namespace tessera {
namespace {

/// kOutputs outputs of a strip, from `first` on, for kChunks chunks from `chunk` on.
template <int kWidth, int kOutputs, int kChunks>
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
  for (int64_t k = 0; k < call.rows; ++k, w += kStripOutputs) {
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

template <int kWidth, int kOutputs, int kBlock, int kChunks>
TESSERA_INLINE void tile(const TileCall& call) {
  const float* weights = call.values;
  for (int64_t s = 0; s < call.strip_count; ++s, weights += call.rows * kStripOutputs)
    for (int first = 0; first < call.strips[s].count; first += kOutputs)
      for (int chunk = 0; chunk < kChunks; chunk += kBlock)
        strip_block<kWidth, kOutputs, kBlock>(call, weights, call.strips[s], first, chunk);
}

template <int kChunks>
void tile_portable(const TileCall& call) {
  tile<4, 2, 1, kChunks>(call);  // 8 sums and 4 rows in 16 registers
}

#if defined(__x86_64__)
template <int kChunks>
__attribute__((target("avx2,fma"))) void tile_avx2(const TileCall& call) {
  tile<8, 4, 1, kChunks>(call);  // 8 sums: as many as two units of latency 4 keep busy
}

template <int kChunks>
__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,prefer-vector-width=512"))) void
tile_avx512(const TileCall& call) {
  tile<16, 8, kChunks, kChunks>(call);
}
#endif

}  // namespace

const TileKernels& tile_kernels(CpuIsa isa) {
  static constexpr TileKernels portable{{tile_portable<1>, tile_portable<2>, tile_portable<3>}};
#if defined(__x86_64__)
  static constexpr TileKernels avx2{{tile_avx2<1>, tile_avx2<2>, tile_avx2<3>}};
  static constexpr TileKernels avx512{{tile_avx512<1>, tile_avx512<2>, tile_avx512<3>}};
  if (isa >= CpuIsa::avx512) return avx512;
  if (isa >= CpuIsa::avx2) return avx2;
#else
  (void)isa;
#endif
  return portable;
}

}  // namespace tessera

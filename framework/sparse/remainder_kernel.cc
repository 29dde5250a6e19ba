#include "framework/sparse/remainder_kernel.h"

#include "framework/sparse/simd_store.h"

namespace tessera {
namespace {

/// One output of a strip for kChunks chunks from `chunk` on. Two weights at a time, each with sums
/// of its own: one chain of additions would wait for itself.
template <int kWidth, int kChunks>
TESSERA_INLINE void output_row(const RemainderCall& call, const Strip& strip, int64_t s, int o,
                               int chunk) {
  using V = typename VectorOf<kWidth>::type;
  constexpr int kVectors = kChunkWidth / kWidth;
  V sums[kChunks][kVectors] = {}, others[kChunks][kVectors] = {};
  const float* base[kChunks];
  for (int c = 0; c < kChunks; ++c) base[c] = call.tile.chunks[chunk + c].x;
  const int64_t* const begin = call.begin + s * kStripOutputs + o;
  const SingleWeight* e = call.weights + begin[0];
  const SingleWeight* const end = call.weights + begin[1];
  const auto add = [&](const SingleWeight& w, V(&to)[kChunks][kVectors])
      __attribute__((always_inline)) {
#pragma GCC unroll 3
    for (int c = 0; c < kChunks; ++c)
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        to[c][v] += reinterpret_cast<const V*>(base[c] + w.offset)[v] * w.value;
  };
  for (; e + 1 < end; e += 2) {
    add(e[0], sums);
    add(e[1], others);
  }
  if (e < end) add(*e, sums);
  V row[kChunks][kVectors];  // through memory, as in tile_kernel.cc
  for (int c = 0; c < kChunks; ++c)
    for (int v = 0; v < kVectors; ++v) row[c][v] = sums[c][v] + others[c][v];
  const float bias = call.adds_bias ? strip.bias[o] : 0.0f;
  for (int c = 0; c < kChunks; ++c)
    store_row<kWidth>(call.tile, call.tile.chunks[chunk + c], strip.outputs[o], bias, row[c]);
}

template <int kWidth, int kBlock, int kChunks>
TESSERA_INLINE void remainder(const RemainderCall& call) {
  for (int64_t s = 0; s < call.tile.strip_count; ++s)
    for (int o = 0; o < call.tile.strips[s].count; ++o)
      for (int chunk = 0; chunk < kChunks; chunk += kBlock)
        output_row<kWidth, kBlock>(call, call.tile.strips[s], s, o, chunk);
}

template <int kChunks>
void remainder_portable(const RemainderCall& call) {
  remainder<4, 1, kChunks>(call);  // 8 sums in 16 registers
}

#if defined(__x86_64__)
template <int kChunks>
__attribute__((target("avx2,fma"))) void remainder_avx2(const RemainderCall& call) {
  remainder<8, kChunks, kChunks>(call);  // 12 sums in 16 registers
}

template <int kChunks>
__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,prefer-vector-width=512"))) void
remainder_avx512(const RemainderCall& call) {
  remainder<16, kChunks, kChunks>(call);
}
#endif

}  // namespace

const RemainderKernels& remainder_kernels(CpuIsa isa) {
  static constexpr RemainderKernels portable{
      {remainder_portable<1>, remainder_portable<2>, remainder_portable<3>}};
#if defined(__x86_64__)
  static constexpr RemainderKernels avx2{{remainder_avx2<1>, remainder_avx2<2>, remainder_avx2<3>}};
  static constexpr RemainderKernels avx512{
      {remainder_avx512<1>, remainder_avx512<2>, remainder_avx512<3>}};
  if (isa >= CpuIsa::avx512) return avx512;
  if (isa >= CpuIsa::avx2) return avx2;
#else
  (void)isa;
#endif
  return portable;
}

}  // namespace tessera

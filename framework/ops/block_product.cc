// Blocks of C of 4 rows x 2 vectors stay in registers: 8 sums are enough to hide the latency of a
// multiply-add, and with 2 vectors of B and one value of A they fit 16 registers.
#include "framework/ops/block_product.h"

namespace tessera {
namespace {

#define TESSERA_INLINE inline __attribute__((always_inline))

template <class T, int kWidth>
struct VectorOf {
  typedef T type __attribute__((vector_size(kWidth * sizeof(T)), aligned(alignof(T)), may_alias));
};

/// Rows [m, m + 4) and columns [n, n + 2 kWidth) of C.
template <class T, int kWidth>
TESSERA_INLINE void register_block(const BlockProduct<T>& p, int64_t m, int64_t n) {
  using V = typename VectorOf<T, kWidth>::type;
  constexpr int kRows = kBlockProductRows;
  V sums[kRows][2];
  T* const c = p.c + m * p.c_row + n;
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const V* const from = reinterpret_cast<const V*>(c + r * p.c_row);
    sums[r][0] = p.accumulates ? from[0] : V{};
    sums[r][1] = p.accumulates ? from[1] : V{};
  }
  const T* a = p.a + m * p.a_row;
  const T* b = p.b + n;
  for (int64_t k = 0; k < p.K; ++k, a += p.a_column, b += p.b_row) {
    const V b0 = reinterpret_cast<const V*>(b)[0], b1 = reinterpret_cast<const V*>(b)[1];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const T value = a[r * p.a_row];
      sums[r][0] += b0 * value;
      sums[r][1] += b1 * value;
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    V* const to = reinterpret_cast<V*>(c + r * p.c_row);
    to[0] = sums[r][0];
    to[1] = sums[r][1];
  }
}

template <class T, int kBytes>
TESSERA_INLINE void blocks(const BlockProduct<T>& p) {
  constexpr int kWidth = kBytes / static_cast<int>(sizeof(T));
  for (int64_t n = 0; n < p.N; n += 2 * kWidth)
    for (int64_t m = 0; m < p.M; m += kBlockProductRows) register_block<T, kWidth>(p, m, n);
}

#if defined(__x86_64__)
template <class T>
__attribute__((target("avx2,fma"))) void blocks_avx2(const BlockProduct<T>& p) {
  blocks<T, 32>(p);
}

template <class T>
__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma,prefer-vector-width=512"))) void
blocks_avx512(const BlockProduct<T>& p) {
  blocks<T, 64>(p);
}
#endif

template <class T>
void dispatch(CpuIsa isa, const BlockProduct<T>& p) {
#if defined(__x86_64__)
  if (isa >= CpuIsa::avx512) return blocks_avx512(p);
  if (isa >= CpuIsa::avx2) return blocks_avx2(p);
#endif
  (void)isa;
  blocks<T, 16>(p);
}

}  // namespace

void block_product(CpuIsa isa, const BlockProduct<float>& product) { dispatch(isa, product); }
void block_product(CpuIsa isa, const BlockProduct<double>& product) { dispatch(isa, product); }

}  // namespace tessera

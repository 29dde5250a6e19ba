// Compilers leave Philox's rounds scalar: its products of 32 bits are wanted whole, in two halves.
// Lanes are blocks; a comparison leaves a bit a lane for each of the four words of the blocks.
#include "framework/ops/draws_cpu.h"

#include <array>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tessera {
namespace {

using BlockBits = std::array<uint32_t, 4>;  ///< bit b of bits[k]: of word k of block b

#if defined(__x86_64__)
#define TESSERA_AVX2 __attribute__((target("avx2"), always_inline)) inline
#define TESSERA_AVX512 __attribute__((target("avx512f"), always_inline)) inline

/// The two halves of factor * each lane.
TESSERA_AVX2 void products(__m256i lanes, uint32_t factor, __m256i& high, __m256i& low) {
  constexpr int kOddLanes = 0b10101010;
  const __m256i by = _mm256_set1_epi64x(factor);
  const __m256i even = _mm256_mul_epu32(lanes, by);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(lanes, 32), by);
  high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, kOddLanes);
  low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), kOddLanes);
}

// Forms with a mask of all lanes: GCC 12 warns about what the others leave undefined.
TESSERA_AVX512 void products(__m512i lanes, uint32_t factor, __m512i& high, __m512i& low) {
  constexpr __mmask16 kOddLanes = 0b1010101010101010;
  constexpr __mmask8 kAll = 0xff;
  const __m512i by = _mm512_set1_epi64(factor);
  const __m512i even = _mm512_maskz_mul_epu32(kAll, lanes, by);
  const __m512i odd = _mm512_maskz_mul_epu32(kAll, _mm512_maskz_srli_epi64(kAll, lanes, 32), by);
  high = _mm512_mask_mov_epi32(_mm512_maskz_srli_epi64(kAll, even, 32), kOddLanes, odd);
  low = _mm512_mask_mov_epi32(even, kOddLanes, _mm512_maskz_slli_epi64(kAll, odd, 32));
}

TESSERA_AVX2 __m256i eight(uint32_t x) { return _mm256_set1_epi32(static_cast<int>(x)); }
TESSERA_AVX512 __m512i sixteen(uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }

/// RandomKey::block() of eight blocks from `first` on, compared with `bound`.
__attribute__((target("avx2"))) BlockBits eight_blocks_avx2(const RandomKey& key, uint64_t first,
                                                            uint32_t bound) {
  const auto low = static_cast<uint32_t>(first), high = static_cast<uint32_t>(first >> 32);
  __m256i c0 = _mm256_add_epi32(eight(low), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  const __m256i no_carry = _mm256_cmpeq_epi32(_mm256_max_epu32(c0, eight(low)), c0);
  __m256i c1 = _mm256_add_epi32(eight(high + 1), no_carry);  // -1 where there is none
  __m256i c2 = eight(key.stream), c3 = eight(key.step);
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < RandomKey::kRounds; ++round) {
    __m256i high0, low0, high2, low2;
    products(c0, RandomKey::kFactor0, high0, low0);
    products(c2, RandomKey::kFactor2, high2, low2);
    c0 = _mm256_xor_si256(_mm256_xor_si256(high2, c1), eight(k0));
    c2 = _mm256_xor_si256(_mm256_xor_si256(high0, c3), eight(k1));
    c1 = low2;
    c3 = low0;
    k0 += RandomKey::kWeyl0;
    k1 += RandomKey::kWeyl1;
  }
  BlockBits bits;
  const __m256i words[]{c0, c1, c2, c3};
  for (size_t k = 0; k < 4; ++k) {
    const __m256i reaches = _mm256_cmpeq_epi32(_mm256_max_epu32(words[k], eight(bound)), words[k]);
    bits[k] = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(reaches)));
  }
  return bits;
}

BlockBits blocks_avx2(const RandomKey& key, uint64_t first, uint32_t bound) {
  BlockBits bits = eight_blocks_avx2(key, first, bound);
  const BlockBits behind = eight_blocks_avx2(key, first + 8, bound);
  for (size_t k = 0; k < 4; ++k) bits[k] |= behind[k] << 8;
  return bits;
}

__attribute__((target("avx512f"), noinline)) BlockBits blocks_avx512(const RandomKey& key,
                                                                     uint64_t first,
                                                                     uint32_t bound) {
  const auto low = static_cast<uint32_t>(first), high = static_cast<uint32_t>(first >> 32);
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i c0 = _mm512_add_epi32(sixteen(low), lane);
  const __mmask16 carry = _mm512_cmplt_epu32_mask(c0, sixteen(low));
  __m512i c1 = _mm512_mask_mov_epi32(sixteen(high), carry, sixteen(high + 1));
  __m512i c2 = sixteen(key.stream), c3 = sixteen(key.step);
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < RandomKey::kRounds; ++round) {
    __m512i high0, low0, high2, low2;
    products(c0, RandomKey::kFactor0, high0, low0);
    products(c2, RandomKey::kFactor2, high2, low2);
    c0 = _mm512_xor_si512(_mm512_xor_si512(high2, c1), sixteen(k0));
    c2 = _mm512_xor_si512(_mm512_xor_si512(high0, c3), sixteen(k1));
    c1 = low2;
    c3 = low0;
    k0 += RandomKey::kWeyl0;
    k1 += RandomKey::kWeyl1;
  }
  BlockBits bits;
  const __m512i words[]{c0, c1, c2, c3};
  for (size_t k = 0; k < 4; ++k) bits[k] = _mm512_cmpge_epu32_mask(words[k], sixteen(bound));
  return bits;
}
#endif

BlockBits blocks_portable(const RandomKey& key, uint64_t first, uint32_t bound) {
  BlockBits bits{};
  for (uint64_t b = 0; b < kDrawBlocks; ++b) {
    const auto words = key.block(first + b);
    for (size_t k = 0; k < 4; ++k) bits[k] |= static_cast<uint32_t>(words[k] >= bound) << b;
  }
  return bits;
}

BlockBits blocks_at_least(CpuIsa isa, const RandomKey& key, uint64_t first, uint32_t bound) {
#if defined(__x86_64__)
  if (isa >= CpuIsa::avx512) return blocks_avx512(key, first, bound);
  if (isa >= CpuIsa::avx2) return blocks_avx2(key, first, bound);
#endif
  (void)isa;
  return blocks_portable(key, first, bound);
}

/// Bit i of 16 becomes bit 4i.
uint64_t spread(uint64_t bits) {
  bits = (bits | bits << 24) & 0x000000ff000000ff;
  bits = (bits | bits << 12) & 0x000f000f000f000f;
  bits = (bits | bits << 6) & 0x0303030303030303;
  return (bits | bits << 3) & 0x1111111111111111;
}

}  // namespace

uint64_t draws_at_least(CpuIsa isa, const RandomKey& key, int64_t first_block, float p) {
  // uniform_from(w) = (w >> 8) / 2^24 >= p  where  w >> 8 >= ceil(2^24 p), and 2^24 p is exact.
  const double bound = std::ceil(static_cast<double>(p) * 0x1.0p24);
  if (bound >= 0x1.0p24) return 0;
  const BlockBits bits = blocks_at_least(isa, key, static_cast<uint64_t>(first_block),
                                         static_cast<uint32_t>(bound) << 8);
  return spread(bits[0]) | spread(bits[1]) << 1 | spread(bits[2]) << 2 | spread(bits[3]) << 3;
}

}  // namespace tessera

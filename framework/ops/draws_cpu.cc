// Compilers leave Philox's rounds scalar: its products of 32 bits are wanted whole, in two halves.
// A comparison leaves a bit a block for each of the four words of the blocks.
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
__attribute__((target("avx2"), always_inline)) inline __m256i lanes4(uint64_t x) {
  return _mm256_set1_epi64x(static_cast<int64_t>(x));
}
__attribute__((target("avx512f"), always_inline)) inline __m512i lanes8(uint64_t x) {
  return _mm512_set1_epi64(static_cast<int64_t>(x));
}

/// RandomKey::block() of eight blocks from `first` on, compared with `bound`. Lanes are of 64 bits,
/// a word in the low half, so that products need no sorting: one array holds the even blocks, one
/// the odd ones. What lies in the high halves does not matter.
__attribute__((target("avx2"))) BlockBits eight_blocks_avx2(const RandomKey& key, uint64_t first,
                                                            uint32_t bound) {
  __m256i c[4][2];
  for (size_t odd = 0; odd < 2; ++odd) {
    c[0][odd] = _mm256_add_epi64(lanes4(first + odd), _mm256_setr_epi64x(0, 2, 4, 6));
    c[1][odd] = _mm256_srli_epi64(c[0][odd], 32);
    c[2][odd] = lanes4(key.stream);
    c[3][odd] = lanes4(key.step);
  }
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < RandomKey::kRounds; ++round) {
    for (size_t odd = 0; odd < 2; ++odd) {
      const __m256i p0 = _mm256_mul_epu32(c[0][odd], lanes4(RandomKey::kFactor0));
      const __m256i p2 = _mm256_mul_epu32(c[2][odd], lanes4(RandomKey::kFactor2));
      c[0][odd] = _mm256_srli_epi64(p2, 32) ^ c[1][odd] ^ lanes4(k0);
      c[1][odd] = p2;
      c[2][odd] = _mm256_srli_epi64(p0, 32) ^ c[3][odd] ^ lanes4(k1);
      c[3][odd] = p0;
    }
    k0 += RandomKey::kWeyl0;
    k1 += RandomKey::kWeyl1;
  }
  BlockBits bits;
  for (size_t k = 0; k < 4; ++k) {
    constexpr int kOddLanes = 0b10101010;
    const __m256i words = _mm256_blend_epi32(c[k][0], _mm256_slli_epi64(c[k][1], 32), kOddLanes);
    const __m256i bounds = _mm256_set1_epi32(static_cast<int>(bound));
    const __m256i reaches = _mm256_cmpeq_epi32(_mm256_max_epu32(words, bounds), words);
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

/// The same of sixteen blocks. Forms with a mask of all lanes: GCC 12 warns about what the others
/// leave undefined.
__attribute__((target("avx512f"), noinline)) BlockBits blocks_avx512(const RandomKey& key,
                                                                     uint64_t first,
                                                                     uint32_t bound) {
  constexpr __mmask8 kAll = 0xff;
  __m512i c[4][2];
  for (size_t odd = 0; odd < 2; ++odd) {
    c[0][odd] = _mm512_add_epi64(lanes8(first + odd), _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14));
    c[1][odd] = _mm512_maskz_srli_epi64(kAll, c[0][odd], 32);
    c[2][odd] = lanes8(key.stream);
    c[3][odd] = lanes8(key.step);
  }
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < RandomKey::kRounds; ++round) {
    for (size_t odd = 0; odd < 2; ++odd) {
      const __m512i p0 = _mm512_maskz_mul_epu32(kAll, c[0][odd], lanes8(RandomKey::kFactor0));
      const __m512i p2 = _mm512_maskz_mul_epu32(kAll, c[2][odd], lanes8(RandomKey::kFactor2));
      c[0][odd] = _mm512_maskz_srli_epi64(kAll, p2, 32) ^ c[1][odd] ^ lanes8(k0);
      c[1][odd] = p2;
      c[2][odd] = _mm512_maskz_srli_epi64(kAll, p0, 32) ^ c[3][odd] ^ lanes8(k1);
      c[3][odd] = p0;
    }
    k0 += RandomKey::kWeyl0;
    k1 += RandomKey::kWeyl1;
  }
  BlockBits bits;
  for (size_t k = 0; k < 4; ++k) {
    constexpr __mmask16 kOddLanes = 0b1010101010101010;
    const __m512i words =
        _mm512_mask_mov_epi32(c[k][0], kOddLanes, _mm512_maskz_slli_epi64(kAll, c[k][1], 32));
    bits[k] = _mm512_cmpge_epu32_mask(words, _mm512_set1_epi32(static_cast<int>(bound)));
  }
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

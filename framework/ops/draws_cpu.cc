// Compilers leave Philox's rounds scalar: its products of 32 bits are wanted whole, in two halves.
#include "framework/ops/draws_cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tessera {
namespace {

#if defined(__x86_64__)
#define TESSERA_AVX2 __attribute__((target("avx2"), always_inline)) inline

/// Eight blocks at once: word k of each in the lanes of words[k].
struct EightBlocks {
  __m256i words[4];
};

/// The two halves of factor * each lane.
TESSERA_AVX2 void products(__m256i lanes, uint32_t factor, __m256i& high, __m256i& low) {
  constexpr int kOddLanes = 0b10101010;
  const __m256i by = _mm256_set1_epi64x(factor);
  const __m256i even = _mm256_mul_epu32(lanes, by);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(lanes, 32), by);
  high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, kOddLanes);
  low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), kOddLanes);
}

/// Blocks [first, first + 8) of the key: RandomKey::block().
TESSERA_AVX2 EightBlocks eight_blocks(const RandomKey& key, uint64_t first) {
  alignas(32) uint32_t index[2][8];
  for (uint64_t j = 0; j < 8; ++j) {
    index[0][j] = static_cast<uint32_t>(first + j);
    index[1][j] = static_cast<uint32_t>((first + j) >> 32);
  }
  __m256i c0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(index[0]));
  __m256i c1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(index[1]));
  __m256i c2 = _mm256_set1_epi32(static_cast<int>(key.stream));
  __m256i c3 = _mm256_set1_epi32(static_cast<int>(key.step));
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < RandomKey::kRounds; ++round) {
    __m256i high0, low0, high2, low2;
    products(c0, RandomKey::kFactor0, high0, low0);
    products(c2, RandomKey::kFactor2, high2, low2);
    c0 = _mm256_xor_si256(_mm256_xor_si256(high2, c1), _mm256_set1_epi32(static_cast<int>(k0)));
    c2 = _mm256_xor_si256(_mm256_xor_si256(high0, c3), _mm256_set1_epi32(static_cast<int>(k1)));
    c1 = low2;
    c3 = low0;
    k0 += RandomKey::kWeyl0;
    k1 += RandomKey::kWeyl1;
  }
  return {{c0, c1, c2, c3}};
}

/// uniform_from() of a block's four words and of those of the block four behind it.
TESSERA_AVX2 __m256 uniform(__m256i words) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32(words, 8)), _mm256_set1_ps(0x1.0p-24f));
}

/// The 32 numbers of eight blocks, one block after the other.
TESSERA_AVX2 void store_uniform(const EightBlocks& blocks, float* to) {
  const auto& [c0, c1, c2, c3] = blocks.words;
  const __m256i low01 = _mm256_unpacklo_epi32(c0, c1), high01 = _mm256_unpackhi_epi32(c0, c1);
  const __m256i low23 = _mm256_unpacklo_epi32(c2, c3), high23 = _mm256_unpackhi_epi32(c2, c3);
  const __m256 numbers[4]{uniform(_mm256_unpacklo_epi64(low01, low23)),
                          uniform(_mm256_unpackhi_epi64(low01, low23)),
                          uniform(_mm256_unpacklo_epi64(high01, high23)),
                          uniform(_mm256_unpackhi_epi64(high01, high23))};
  // Whole vectors: a reader of vectors would wait for halves of them.
  for (int pair = 0; pair < 2; ++pair) {
    const __m256 one = numbers[2 * pair], next = numbers[2 * pair + 1];
    _mm256_storeu_ps(to + 8 * pair, _mm256_permute2f128_ps(one, next, 0x20));
    _mm256_storeu_ps(to + 8 * (pair + 2), _mm256_permute2f128_ps(one, next, 0x31));
  }
}

__attribute__((target("avx2"))) void draw_avx2(const RandomKey& key, uint64_t first_block,
                                               float* to) {
  for (int64_t j = 0; j < kDrawBlocks; j += 8)
    store_uniform(eight_blocks(key, first_block + static_cast<uint64_t>(j)), to + 4 * j);
}
#endif

}  // namespace

std::array<float, kDraws> draw(CpuIsa isa, const RandomKey& key, int64_t first_block) {
  std::array<float, kDraws> out;
  const auto first = static_cast<uint64_t>(first_block);
#if defined(__x86_64__)
  if (isa >= CpuIsa::avx2) {
    draw_avx2(key, first, out.data());
    return out;
  }
#endif
  for (size_t j = 0; j < kDrawBlocks; ++j) {
    const auto words = key.block(first + j);
    for (size_t k = 0; k < 4; ++k) out[4 * j + k] = uniform_from(words[k]);
  }
  return out;
}

}  // namespace tessera

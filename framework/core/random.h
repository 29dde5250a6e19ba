// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC11). A number is a pure function of (seed, stream, step, index), so a resumed run, a
// run with other threads and a run on another device all draw the same ones.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <type_traits>

namespace tessera {

/// What a sequence of random numbers is keyed by.
struct RandomKey {
  uint64_t seed = 0;
  uint32_t stream = 0;  ///< who draws: a layer, a data set, an initialiser
  uint32_t step = 0;    ///< when: the training step, the epoch

  static constexpr int kRounds = 10;
  static constexpr uint32_t kFactor0 = 0xD2511F53u, kFactor2 = 0xCD9E8D57u;  ///< of words 0 and 2
  static constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;      ///< steps of the seed

  /// The four 32-bit words of block `index`.
  constexpr std::array<uint32_t, 4> block(uint64_t index) const {
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    std::array<uint32_t, 4> c{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                              stream, step};
    for (int round = 0; round < kRounds; ++round) {
      const uint64_t p0 = product(kFactor0, c[0]), p1 = product(kFactor2, c[2]);
      c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
           static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
      k0 += kWeyl0;
      k1 += kWeyl1;
    }
    return c;
  }

  /// All 64 bits. On a CUDA device by its instruction for it: the compiler adds zeros for the upper
  /// halves of the factors otherwise, a fifth of all instructions of block().
  static constexpr uint64_t product(uint32_t a, uint32_t b) {
#ifdef __CUDA_ARCH__
    if (!std::is_constant_evaluated()) {
      uint64_t out;
      asm("mul.wide.u32 %0, %1, %2;" : "=l"(out) : "r"(a), "r"(b));
      return out;
    }
#endif
    return uint64_t{a} * b;
  }

  /// The i-th word of the sequence: word i%4 of block i/4.
  constexpr uint32_t word(uint64_t i) const { return block(i / 4)[i % 4]; }
};

/// Uniform in [0, 1) with 24 bits.
constexpr float uniform_from(uint32_t word) { return static_cast<float>(word >> 8) * 0x1.0p-24f; }

/// Draws one number after the other from the sequence of a key.
class RandomSequence {
 public:
  explicit RandomSequence(RandomKey key) : key_(key) {}

  uint32_t word() {
    if (next_ % 4 == 0) block_ = key_.block(next_ / 4);
    return block_[next_++ % 4];
  }
  float uniform() { return uniform_from(word()); }
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// Uniform in [0, n), n >= 1, by multiplication (bias below n / 2^32).
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((uint64_t{word()} * n) >> 32); }
  /// Standard normal, by Box and Muller.
  float normal() {
    const float radius = std::sqrt(-2.0f * std::log(1.0f - uniform()));
    return radius * std::cos(2.0f * std::numbers::pi_v<float> * uniform());
  }

 private:
  RandomKey key_;
  uint64_t next_ = 0;
  std::array<uint32_t, 4> block_{};
};

}  // namespace tessera

// Uniform numbers of a key, many at a time, for use inside vectorized().
#pragma once

#include <array>
#include <cstdint>

#include "framework/core/random.h"

namespace tessera {

/// Blocks of four numbers drawn together: one in each lane of the widest vectors.
inline constexpr int64_t kDrawBlocks = 16;
inline constexpr int64_t kDraws = 4 * kDrawBlocks;

/// The numbers of index [4 first_block, 4 first_block + kDraws).
inline std::array<float, kDraws> draw(const RandomKey& key, int64_t first_block) {
  std::array<float, kDraws> out;
  for (int64_t j = 0; j < kDrawBlocks; ++j) {
    const auto words = key.block(static_cast<uint64_t>(first_block + j));
    for (int64_t k = 0; k < 4; ++k)
      out[static_cast<size_t>(4 * j + k)] = uniform_from(words[static_cast<size_t>(k)]);
  }
  return out;
}

}  // namespace tessera

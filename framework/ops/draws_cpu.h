// Uniform numbers of a key, many at a time.
#pragma once

#include <array>
#include <cstdint>

#include "framework/backend/cpu.h"
#include "framework/core/random.h"

namespace tessera {

/// Blocks of four numbers drawn together.
inline constexpr int64_t kDrawBlocks = 16;
inline constexpr int64_t kDraws = 4 * kDrawBlocks;

/// The numbers of index [4 first_block, 4 first_block + kDraws): uniform_from() of the key's words.
std::array<float, kDraws> draw(CpuIsa isa, const RandomKey& key, int64_t first_block);

}  // namespace tessera

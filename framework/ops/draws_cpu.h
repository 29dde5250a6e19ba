// Which uniform numbers of a key reach a bound: what dropout keeps, many numbers at a time.
#pragma once

#include "framework/backend/cpu.h"
#include "framework/core/random.h"

namespace tessera {

/// Blocks of four numbers drawn together.
inline constexpr int64_t kDrawBlocks = 16;
inline constexpr int64_t kDraws = 4 * kDrawBlocks;

/// Bit i: whether number 4 first_block + i of the key, uniform_from() of its word, is at least p.
/// REQUIRES: p in [0, 1].
uint64_t draws_at_least(CpuIsa isa, const RandomKey& key, int64_t first_block, float p);

}  // namespace tessera

// The reference variant of the patterns: the masks that the public artifact of the tile-wise
// sparsity paper computes, with its habits: every unit counts alike whatever its size, thresholds
// are percentiles over units, ties at the threshold go, and the sparsity is only roughly met
// (tw at 50% with G = 32 prunes 58% of the reference scores).
//
//   ew   single weights: score
//   vw   per 16 inputs of an output: the int((1-s)*16) best stay
//   bw   G x G blocks: L2 norm
//   tw1  rows of tiles of G outputs: L2 norm / width of the tile
//   tw   outputs: L2 norm / K, then rows of tiles: L2 norm / width, both at 1 - sqrt(1-s). A tile
//        ends where G kept outputs have been passed; pruned outputs between them count in its width
//   tew  tw at s + delta, then the weights whose (score - mask) is above the percentile 1-delta of
//        all come back
#pragma once

#include <span>

#include "pruning/pattern.h"

namespace tessera {

/// Clears the entries of the masks that the reference prunes; entries that are zero already score
/// zero and stay zero. Groups of convolutions are ignored, as in the reference.
/// Throws std::invalid_argument for a pattern that has no reference variant.
void prune_as_reference(const PatternOptions& options, double sparsity,
                        std::span<const LayerMatrix> layers);

}  // namespace tessera

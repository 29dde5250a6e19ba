// Minimum and maximum sparsity of single layers, for any pattern.
#pragma once

#include <span>
#include <vector>

#include "pruning/pattern.h"

namespace tessera {

/// Zeros that a layer must and may have.
struct ZeroBounds {
  int64_t least = 0;
  int64_t most = 0;
};

/// pattern.prune(zeros, layers) under the bounds, one for each layer, kept to within one unit.
/// Layers that break theirs are pruned to them, and the rest is ranked again until no more do:
/// those above their maximum first if they are too full by more than the others are too empty, else
/// those below their minimum, so that no layer is held to a bound that the others' bounds would
/// have kept it within.
void prune_within(const std::vector<ZeroBounds>& bounds, const Pattern& pattern, int64_t zeros,
                  std::span<const LayerMatrix> layers);

}  // namespace tessera

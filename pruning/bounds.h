// Minimum and maximum sparsity of single layers, for any pattern.
#pragma once

#include <span>
#include <vector>

#include "framework/io/layer_bound.h"
#include "pruning/pattern.h"

namespace tessera {

/// Sets the bounds of the layers whose names one matches, of several that do the first. `share` of
/// the minimum: of a stage that goes that far of the way to the final sparsity.
/// Throws: std::invalid_argument for one that matches no layer.
void set_bounds(const std::vector<LayerBound>& bounds, std::vector<LayerScores>& layers,
                double share = 1);

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

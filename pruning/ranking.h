// The ranking of the units of a pattern, over all layers at once.
#pragma once

#include <cstdint>
#include <vector>

#include "pruning/pattern.h"

namespace tessera {

/// Weights that are pruned or kept together.
struct Unit {
  double score;   ///< mean score of the unit's weights, pruned ones counting as zero
  int64_t cost;   ///< what pruning it counts towards the target
  int64_t layer;  ///< index of the layer
  int64_t
      index;  ///< of the unit in its layer: gives ties an order, and means something to the pattern
};

/// Sorts `units` by (score, layer, index) and returns those to prune: from the lowest score on
/// until the sum of their costs is as near to `target` as whole units allow. The last unit of each
/// layer is never among them.
std::vector<Unit> lowest_units(std::vector<Unit> units, int64_t target);

/// The same for single weights of cost 1, in place and without a list of them: clears the `count`
/// lowest-scored kept weights in the masks, or all but the best of each layer where fewer are left.
/// Ties go in the order of layers and elements.
void prune_lowest_weights(int64_t count, std::span<const LayerMatrix> layers);

}  // namespace tessera

// The ranking of the units of a pattern, over all layers at once.
#pragma once

#include <cstdint>
#include <vector>

#include "pruning/layer_matrix.h"

namespace tessera {

/// Weights that are pruned or kept together.
struct Unit {
  double score = 0;   ///< mean score of the unit's weights, pruned ones counting as the lowest
  int64_t cost = 0;   ///< what pruning it counts towards the target
  int64_t index = 0;  ///< of the unit in its layer: gives ties an order, and means something to the
                      ///< pattern
  int32_t layer = 0;  ///< index of the layer
  float ew_share = 0;  ///< what EW would keep, of the weights that the unit has left, for apriori
  float ew_fill = 0;   ///< the same of all its weights
  int8_t tier = 0;     ///< -1: before all others, 1: after them (pruning/apriori.h)
};

/// By tier, score, layer and index.
bool goes_before(const Unit& a, const Unit& b);

/// A unit of `size` weights with its tally.
Unit make_unit(int64_t layer, int64_t index, const Tally& tally, int64_t size);

/// Those units to prune: from the lowest (tier, score, layer, index) on until the sum of their
/// costs is as near to `target` as whole units allow. The best `min_keep` units of each layer are
/// never among them. In no particular order.
std::vector<Unit> lowest_units(std::vector<Unit> units, int64_t target, int64_t min_keep = 1);

/// The same for single weights of cost 1, in place and without a list of them: clears the `count`
/// lowest-scored kept weights in the masks, or all but the best `min_keep` of each layer where
/// fewer are left. Ties go in the order of layers and elements.
void prune_lowest_weights(int64_t count, std::span<const LayerMatrix> layers, int64_t min_keep = 1);

}  // namespace tessera

// Apriori tuning: what element-wise pruning at the same sparsity says of the units of a pattern,
// before they are ranked. A unit that EW leaves almost empty has little that is worth keeping,
// whatever a few large weights make of its mean; one that EW leaves almost full is worth keeping
// whole. The `top` share of the units, the emptiest, goes before all others, the `last` share, the
// fullest, after all others; the rest is ranked by its score.
//
// Where earlier stages have pruned already, how empty EW leaves a unit is told by what it has left:
// what it lost before is not held against it, else layers that are nearly empty would be emptied
// first. How full it is is told by all its weights. The shares are of all units, and those that are
// gone count as the emptiest: `top` does not take its share once more at every stage.
//
// Source: Guo et al., SC 2020, section V (apriori tuning); the shares are settings there, too.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera {

struct Unit;

struct AprioriShares {
  double top = 0;   ///< of all units: the emptiest, pruned first
  double last = 0;  ///< of all units: the fullest, pruned last

  bool any() const { return top > 0 || last > 0; }
};

struct AprioriOptions {
  AprioriShares columns = {};  ///< tw, tew, tvw: whole columns; units: the units
  AprioriShares rows = {};     ///< tw, tw1, tew, tvw: rows of tiles; bw: blocks

  bool any() const { return columns.any() || rows.any(); }
};

/// Sets Unit::tier of the units that have weights left, of `all` units. Ties go in the order of
/// scores, layers and indices.
void assign_tiers(std::vector<Unit>& units, int64_t all, const AprioriShares& shares);

}  // namespace tessera

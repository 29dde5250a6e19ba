// Apriori tuning: what element-wise pruning at the same sparsity says of the units of a pattern,
// before they are ranked. A unit that EW leaves almost empty has little that is worth keeping,
// whatever a few large weights make of its mean; one that EW leaves almost full is worth keeping
// whole. The `top` share of the units with the lowest fill goes before all others, the `last` share
// with the highest fill after all others; the rest is ranked by its score.
//
// Source: Guo et al., SC 2020, section V (apriori tuning); the shares are settings there, too.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera {

struct Unit;

struct AprioriShares {
  double top = 0;   ///< of the units: the emptiest, pruned first
  double last = 0;  ///< of the units: the fullest, pruned last

  bool any() const { return top > 0 || last > 0; }
};

struct AprioriOptions {
  AprioriShares columns = {};  ///< tw, tew, tvw: whole columns; units: the units
  AprioriShares rows = {};     ///< tw, tw1, tew, tvw: rows of tiles; bw: blocks

  bool any() const { return columns.any() || rows.any(); }
};

/// Sets Unit::tier from Unit::ew_fill. Ties go in the order of scores, layers and indices.
void assign_tiers(std::vector<Unit>& units, const AprioriShares& shares);

}  // namespace tessera

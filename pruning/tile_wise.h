// TW, tile-wise: whole columns (outputs) are pruned, the columns left are cut into tiles of G in
// index order, and then whole rows (inputs) of single tiles are pruned. TW1 prunes rows only.
//
// Each phase ranks its units over all layers by their mean score per weight, so that a unit is
// judged by what it costs and not by how large it is. The columns get the share of the sparsity
// that the split gives them; the rows get the rest and meet the target. Weights pruned in an
// earlier stage count as the lowest, so units that are mostly empty go first: that is what keeps
// the tiles dense although they are cut afresh at every stage.
//
// Invariant: the tiles that the rows were pruned in are the tiles of
// framework/sparse/tile_matrix.h, that is those of the final mask. A column that would lose its
// last row without the rest of its tile would shift all tiles behind it, so it is pruned as a
// column, and the rows are ranked again.
#pragma once

#include <vector>

#include "pruning/pattern.h"
#include "pruning/ranking.h"

namespace tessera {

class TileWise : public Pattern {
 public:
  /// split: PatternOptions::split. row_block: so many consecutive inputs are one row, the blocks
  /// counted from input 0 on.
  TileWise(const PatternOptions& options, double split, int64_t row_block = 1);

  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix> layers) const override;

  /// The same where another pattern has left `capacity` of the weights.
  void prune(int64_t zeros, int64_t capacity, std::span<const LayerMatrix> layers) const;

 private:
  /// columns: the units of the layers' columns before anything goes; not needed for a split of 0.
  void prune_at(double split, std::vector<Unit> columns, int64_t zeros, int64_t capacity,
                std::span<const LayerMatrix> layers) const;
  void prune_at_best(const std::vector<Unit>& columns, int64_t zeros, int64_t capacity,
                     std::span<const LayerMatrix> layers) const;
  void prune_columns(double split, std::vector<Unit> columns, int64_t zeros, int64_t capacity,
                     std::span<const LayerMatrix> layers) const;
  void prune_rows(int64_t zeros, std::span<const LayerMatrix> layers) const;

  int64_t granularity_;
  int64_t row_block_;
  int64_t bundle_;  ///< rows, in blocks, that a tile loses at once
  bool balanced_;
  int64_t min_keep_;
  double split_;
  AprioriOptions apriori_;
};

}  // namespace tessera

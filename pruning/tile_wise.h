// TW, tile-wise: whole columns (outputs) are pruned, the columns left are cut into tiles of G in
// index order, and then whole rows (inputs) of single tiles are pruned.
//
// Each phase ranks its units over all layers by their mean score per weight, so that a unit is
// judged by what it costs and not by how large it is. The columns get the share of the sparsity
// that column_split gives them; the rows get the rest and meet the target. Weights pruned in an
// earlier stage count with score zero, so units that are mostly empty go first: that is what keeps
// the tiles dense although they are cut afresh at every stage.
//
// Invariant: the tiles that the rows were pruned in are the tiles of
// framework/sparse/tile_matrix.h, that is those of the final mask. A column that would lose its
// last row without the rest of its tile would shift all tiles behind it, so it is pruned as a
// column, and the rows are ranked again.
#pragma once

#include <vector>

#include "pruning/pattern.h"

namespace tessera {

class TileWise : public Pattern {
 public:
  explicit TileWise(const PatternOptions& options);

  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix> layers) const override;

 private:
  void prune_columns(int64_t zeros, std::span<const LayerMatrix> layers) const;
  void prune_rows(int64_t zeros, std::span<const LayerMatrix> layers) const;

  int64_t granularity_;
  int64_t k_multiple_;
  double column_split_;
};

}  // namespace tessera

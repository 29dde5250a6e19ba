// TVW: TW whose kept rows are 2:4 sparse inside, for sparse tensor cores: at least 50%.
// The rows come in blocks of four consecutive inputs, {0..3}, {4..7} ..., which a tile keeps or
// loses whole: so the fours that 2:4 is counted over are the same for every tile and at every
// stage, and the kept rows of a tile, taken together, are 2:4 wherever its columns move to. The
// weights are thinned to 2:4 first, since what a row is worth is what 2:4 would leave of it.
#pragma once

#include "pruning/pattern.h"
#include "pruning/tile_wise.h"
#include "pruning/vector_wise.h"

namespace tessera {

class TileVectorWise : public Pattern {
 public:
  explicit TileVectorWise(const PatternOptions& options);

  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix> layers) const override;
  double nearest_sparsity(double sparsity) const override;
  std::string reachable() const override;

 private:
  VectorWise vectors_;
  TileWise tiles_;
};

}  // namespace tessera

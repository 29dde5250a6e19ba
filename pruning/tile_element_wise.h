// TEW: TW, and a share delta of all weights put back: the best single ones of those that TW pruned.
// TW prunes to sparsity + delta, so that the sparsity is met after the weights have come back. A
// weight that was pruned before does not come back.
#pragma once

#include "pruning/pattern.h"
#include "pruning/tile_wise.h"

namespace tessera {

class TileElementWise : public Pattern {
 public:
  explicit TileElementWise(const PatternOptions& options);

  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix>) const override { return 1; }

 private:
  TileWise tiles_;
  double delta_;
};

}  // namespace tessera

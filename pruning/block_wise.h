// BW: blocks of b x b weights, ranked over all layers by their mean score. Blocks at the edges are
// smaller; none crosses the groups of a convolution.
#pragma once

#include "pruning/pattern.h"

namespace tessera {

class BlockWise : public Pattern {
 public:
  explicit BlockWise(const PatternOptions& options);

  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix> layers) const override;

 private:
  int64_t size_;
  int64_t min_keep_;
  AprioriShares apriori_;
};

}  // namespace tessera

// Whole units that the layers declare (LayerMatrix::units), such as the channels of a convolution
// or the heads of an attention, which several weights share: a unit is pruned in all of them at
// once. The outputs of a layer that declares nothing are units of their own.
#pragma once

#include "pruning/pattern.h"

namespace tessera {

class WholeUnits : public Pattern {
 public:
  explicit WholeUnits(const PatternOptions& options)
      : min_keep_(options.min_keep), apriori_(options.apriori.columns) {}

  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix> layers) const override;

 private:
  int64_t min_keep_;
  AprioriShares apriori_;
};

}  // namespace tessera

// EW: single weights. The least damage at a sparsity, and the least speed from it.
#pragma once

#include "pruning/pattern.h"

namespace tessera {

class ElementWise : public Pattern {
 public:
  explicit ElementWise(const PatternOptions& options) : min_keep_(options.min_keep) {}

  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix>) const override { return 1; }

 private:
  int64_t min_keep_;
};

}  // namespace tessera

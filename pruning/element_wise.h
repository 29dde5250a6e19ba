// EW: single weights. The least damage at a sparsity, and the least speed from it.
#pragma once

#include "pruning/pattern.h"

namespace tessera {

class ElementWise : public Pattern {
 public:
  void prune(int64_t zeros, std::span<const LayerMatrix> layers) const override;
  int64_t largest_unit(std::span<const LayerMatrix>) const override { return 1; }
};

}  // namespace tessera

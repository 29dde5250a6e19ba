#include "pruning/element_wise.h"

#include "pruning/ranking.h"

namespace tessera {

void ElementWise::prune(int64_t zeros, std::span<const LayerMatrix> layers) const {
  prune_lowest_weights(zeros - count_zeros(layers), layers, min_keep_);
}

}  // namespace tessera

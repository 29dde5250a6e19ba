#include "pruning/tile_vector_wise.h"

#include <algorithm>

namespace tessera {

namespace {

constexpr int64_t kLength = 4, kKept = 2;
constexpr double kLeast = 1 - static_cast<double>(kKept) / kLength;

}  // namespace

TileVectorWise::TileVectorWise(const PatternOptions& options)
    : vectors_(kLength, kKept), tiles_(options, options.split, kLength) {}

int64_t TileVectorWise::largest_unit(std::span<const LayerMatrix> layers) const {
  return tiles_.largest_unit(layers);
}

double TileVectorWise::nearest_sparsity(double sparsity) const {
  return sparsity >= kLeast ? sparsity : vectors_.nearest_sparsity(sparsity);
}

std::string TileVectorWise::reachable() const { return concat("at least ", kLeast); }

void TileVectorWise::prune(int64_t zeros, std::span<const LayerMatrix> layers) const {
  const int64_t capacity = (count_weights(layers) + 1) / 2;
  vectors_.prune(count_weights(layers) - capacity, layers);
  tiles_.prune(std::max(zeros, count_zeros(layers)), capacity, layers);
}

}  // namespace tessera

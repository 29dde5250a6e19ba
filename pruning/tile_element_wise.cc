#include "pruning/tile_element_wise.h"

#include <algorithm>
#include <cmath>

#include "pruning/ranking.h"

namespace tessera {

TileElementWise::TileElementWise(const PatternOptions& options)
    : tiles_(options, options.split), delta_(options.delta) {
  require(delta_ >= 0 && delta_ < 1, "[prune] delta must be at least 0 and below 1; got ", delta_,
          ".");
}

void TileElementWise::prune(int64_t zeros, std::span<const LayerMatrix> layers) const {
  const int64_t restored = std::llround(delta_ * static_cast<double>(count_weights(layers)));
  // What TW prunes, as masks of their own: the lowest of it stays pruned.
  std::vector<std::vector<uint8_t>> lost;
  for (const LayerMatrix& layer : layers) lost.emplace_back(layer.mask, layer.mask + layer.numel());
  const int64_t all = count_weights(layers);
  tiles_.prune(std::min(zeros + restored, all), layers);
  // Whole rows may end short of the sparsity; one more makes room to restore to a weight.
  if (count_zeros(layers) < zeros)
    tiles_.prune(std::min(zeros + tiles_.largest_unit(layers), all), layers);

  std::vector<LayerMatrix> candidates(layers.begin(), layers.end());
  for (size_t i = 0; i < layers.size(); ++i) {
    candidates[i].mask = lost[i].data();
    for (size_t e = 0; e < lost[i].size(); ++e)
      lost[i][e] = static_cast<uint8_t>(lost[i][e] - layers[i].mask[e]);
  }
  const int64_t surplus = count_zeros(layers) - zeros;
  const int64_t num_lost = count_weights(candidates) - count_zeros(candidates);
  prune_lowest_weights(num_lost - std::max<int64_t>(surplus, 0), candidates, 0);
  for (size_t i = 0; i < layers.size(); ++i)
    for (size_t e = 0; e < lost[i].size(); ++e) layers[i].mask[e] |= lost[i][e];
}

}  // namespace tessera

#include "pruning/regrow.h"

#include <algorithm>
#include <cmath>

#include "framework/core/errors.h"
#include "pruning/tiles.h"

namespace tessera {
namespace {

double mean_score(const LayerMatrix& layer, int64_t n) {
  const float* const s = layer.scores + n * layer.inputs;
  double sum = 0;
  for (int64_t k = 0; k < layer.inputs; ++k) sum += static_cast<double>(s[k]);
  return sum / static_cast<double>(layer.inputs);
}

std::vector<Unit> pruned_columns(std::span<const LayerMatrix> layers) {
  std::vector<Unit> units;
  for (size_t i = 0; i < layers.size(); ++i)
    for (int64_t n = 0; n < layers[i].outputs; ++n)
      if (!is_output_kept(layers[i], n))
        units.push_back({.score = mean_score(layers[i], n),
                         .cost = layers[i].inputs,
                         .index = n,
                         .layer = static_cast<int32_t>(i)});
  return units;
}

/// Rows of which no column of the tile keeps a weight; Unit::index is tile.first_row + input.
void append_pruned_rows(std::vector<Unit>& units, const Tile& tile, const LayerMatrix& layer) {
  std::vector<double> score(static_cast<size_t>(layer.inputs), 0.0);
  std::vector<uint8_t> is_kept(score.size(), 0);
  for (const int64_t n : tile.columns) {
    const float* const s = layer.scores + n * layer.inputs;
    const uint8_t* const m = layer.mask + n * layer.inputs;
    for (size_t k = 0; k < score.size(); ++k) {
      score[k] += static_cast<double>(s[k]);
      is_kept[k] |= m[k];
    }
  }
  const auto width = static_cast<int64_t>(tile.columns.size());
  for (size_t k = 0; k < score.size(); ++k)
    if (is_kept[k] == 0)
      units.push_back({.score = score[k] / static_cast<double>(width),
                       .cost = width,
                       .index = tile.first_row + static_cast<int64_t>(k),
                       .layer = tile.layer});
}

/// The `share` of the units that has the largest scores, but for those of 0.
std::vector<Unit> best_of(std::vector<Unit> units, double share) {
  const auto count = std::llround(share * static_cast<double>(units.size()));
  std::stable_sort(units.begin(), units.end(),
                   [](const Unit& a, const Unit& b) { return a.score > b.score; });
  const auto first_zero = std::find_if(units.begin(), units.begin() + count,
                                       [](const Unit& unit) { return !(unit.score > 0); });
  units.erase(first_zero, units.end());
  return units;
}

const Tile& tile_of(const Unit& row, const std::vector<Tile>& tiles) {
  const auto after =
      std::upper_bound(tiles.begin(), tiles.end(), row.index,
                       [](int64_t index, const Tile& tile) { return index < tile.first_row; });
  return *(after - 1);
}

Tensor copy_of_mask(const LayerScores& layer) {
  return layer.mask.defined() ? layer.mask.clone()
                              : Tensor::full(layer.scores.shape(), 1, {.dtype = DType::u8});
}

}  // namespace

std::vector<Tensor> regrown_masks(double share, int64_t granularity,
                                  const std::vector<LayerScores>& layers) {
  require(share >= 0 && share < 1, "[regrow] the share must be at least 0 and below 1; got ", share,
          ".");
  require(granularity >= 1, "[regrow] the granularity must be at least 1; got ", granularity, ".");
  std::vector<Tensor> masks;
  std::vector<LayerMatrix> matrices;
  for (const LayerScores& layer : layers) {
    masks.push_back(copy_of_mask(layer));
    matrices.push_back({.name = layer.name,
                        .scores = layer.scores.data<float>(),
                        .mask = masks.back().data<uint8_t>(),
                        .outputs = layer.scores.dim(0),
                        .inputs = layer.scores.dim(1),
                        .groups = layer.groups});
  }
  const std::vector<Tile> tiles = cut_tiles(matrices, granularity, 1);
  std::vector<Unit> rows;
  for (const Tile& tile : tiles)
    append_pruned_rows(rows, tile, matrices[static_cast<size_t>(tile.layer)]);
  for (const Unit& row : best_of(std::move(rows), share)) {
    const Tile& tile = tile_of(row, tiles);
    const LayerMatrix& layer = matrices[static_cast<size_t>(row.layer)];
    for (const int64_t n : tile.columns)
      layer.mask[n * layer.inputs + row.index - tile.first_row] = 1;
  }
  for (const Unit& column : best_of(pruned_columns(matrices), share)) {
    const LayerMatrix& layer = matrices[static_cast<size_t>(column.layer)];
    std::fill_n(layer.mask + column.index * layer.inputs, layer.inputs, uint8_t{1});
  }
  return masks;
}

Tensor scores_with_regrown(const Tensor& scores, const Tensor& before, const Tensor& after) {
  Tensor out = scores.clone();
  float* const s = out.data<float>();
  const uint8_t *const was_kept = before.data<uint8_t>(), *const is_kept = after.data<uint8_t>();
  double sum = 0;
  int64_t kept = 0;
  for (int64_t i = 0; i < out.numel(); ++i)
    if (was_kept[i] != 0) sum += static_cast<double>(s[i]), ++kept;
  const auto mean = static_cast<float>(sum / static_cast<double>(std::max<int64_t>(kept, 1)));
  for (int64_t i = 0; i < out.numel(); ++i)
    if (was_kept[i] == 0 && is_kept[i] != 0) s[i] = mean;
  return out;
}

}  // namespace tessera

#include "pruning/tile_wise.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pruning/ranking.h"

namespace tessera {

namespace {

/// G kept columns of one group of a layer, the last tile of a group the rest of them.
struct Tile {
  int64_t layer = 0;
  std::vector<int64_t> columns = {};
  std::vector<int64_t> rows = {};  ///< with kept weights in this tile, the lowest score first
  int64_t num_pruned = 0;          ///< the ranking takes rows[0 .. num_pruned)
};

int64_t kept_in_column(const LayerMatrix& layer, int64_t column) {
  const uint8_t* mask = layer.mask + column * layer.inputs;
  return layer.inputs - std::count(mask, mask + layer.inputs, uint8_t{0});
}

double mean_score_of_column(const LayerMatrix& layer, int64_t column) {
  double sum = 0;
  for (int64_t e = column * layer.inputs; e < (column + 1) * layer.inputs; ++e)
    if (layer.mask[e] != 0) sum += layer.scores[e];
  return sum / static_cast<double>(layer.inputs);
}

void clear_column(const LayerMatrix& layer, int64_t column) {
  std::fill_n(layer.mask + column * layer.inputs, layer.inputs, uint8_t{0});
}

/// The tiles of the present masks, layer after layer, without their rows.
std::vector<Tile> cut_tiles(std::span<const LayerMatrix> layers, int64_t granularity) {
  std::vector<Tile> tiles;
  for (size_t i = 0; i < layers.size(); ++i) {
    const int64_t group_size = layers[i].outputs / layers[i].groups;
    for (int64_t group = 0; group < layers[i].groups; ++group) {
      bool is_full = true;
      for (int64_t n = group * group_size; n < (group + 1) * group_size; ++n) {
        if (kept_in_column(layers[i], n) == 0) continue;
        if (is_full) tiles.push_back({.layer = static_cast<int64_t>(i)});
        tiles.back().columns.push_back(n);
        is_full = static_cast<int64_t>(tiles.back().columns.size()) == granularity;
      }
    }
  }
  return tiles;
}

/// Sorts the rows of a tile and appends its units: bundles of k_multiple rows, the lowest rows
/// first. What does not fill a bundle is the first one, so that the count left is a multiple.
void append_row_units(std::vector<Unit>& units, Tile& tile, int64_t tile_index,
                      const LayerMatrix& layer, int64_t k_multiple) {
  std::vector<double> score(static_cast<size_t>(layer.inputs), 0.0);
  std::vector<int64_t> kept(static_cast<size_t>(layer.inputs), 0);
  for (const int64_t n : tile.columns)
    for (int64_t k = 0; k < layer.inputs; ++k)
      if (layer.mask[n * layer.inputs + k] != 0) {
        score[static_cast<size_t>(k)] += layer.scores[n * layer.inputs + k];
        ++kept[static_cast<size_t>(k)];
      }
  for (int64_t k = 0; k < layer.inputs; ++k)
    if (kept[static_cast<size_t>(k)] != 0) tile.rows.push_back(k);
  std::stable_sort(tile.rows.begin(), tile.rows.end(), [&](int64_t a, int64_t b) {
    return score[static_cast<size_t>(a)] < score[static_cast<size_t>(b)];
  });

  const int64_t num_rows = static_cast<int64_t>(tile.rows.size());
  const double width = static_cast<double>(tile.columns.size());
  int64_t end = num_rows % k_multiple != 0 ? num_rows % k_multiple : k_multiple;
  double previous = -std::numeric_limits<double>::infinity();
  for (int64_t begin = 0; begin < num_rows; begin = end, end += k_multiple) {
    Unit unit{0, 0, tile.layer, tile_index * layer.inputs + end};
    for (int64_t r = begin; r < end; ++r) {
      const size_t k = static_cast<size_t>(tile.rows[static_cast<size_t>(r)]);
      unit.score += score[k];
      unit.cost += kept[k];
    }
    unit.score /= width * static_cast<double>(end - begin);
    // Bundles of equal rows can differ in the last bit, and the lower bundle must go first.
    unit.score = previous = std::max(previous, unit.score);
    units.push_back(unit);
  }
}

/// Columns of a tile that lose all their rows while others of the tile do not.
std::vector<int64_t> emptied_columns(const Tile& tile, const LayerMatrix& layer) {
  if (tile.num_pruned == 0 || tile.num_pruned == static_cast<int64_t>(tile.rows.size())) return {};
  std::vector<int64_t> emptied;
  for (const int64_t n : tile.columns) {
    const uint8_t* mask = layer.mask + n * layer.inputs;
    if (std::none_of(tile.rows.begin() + tile.num_pruned, tile.rows.end(),
                     [&](int64_t k) { return mask[k] != 0; }))
      emptied.push_back(n);
  }
  return emptied;
}

}  // namespace

TileWise::TileWise(const PatternOptions& options)
    : granularity_(options.granularity),
      k_multiple_(options.k_multiple),
      column_split_(options.column_split) {
  require(granularity_ >= 1, "[prune] granularity must be at least 1; got ", granularity_, ".");
  require(k_multiple_ >= 1, "[prune] k_multiple must be at least 1; got ", k_multiple_, ".");
  require(column_split_ >= 0 && column_split_ <= 1,
          "[prune] column_split must be from 0 (rows only) to 1 (columns only); got ",
          column_split_, ".");
}

int64_t TileWise::largest_unit(std::span<const LayerMatrix> layers) const {
  int64_t largest = 1;
  for (const LayerMatrix& layer : layers)
    largest = std::max(largest, std::min(granularity_, layer.outputs / layer.groups) *
                                    std::min(k_multiple_, layer.inputs));
  return largest;
}

void TileWise::prune(int64_t zeros, std::span<const LayerMatrix> layers) const {
  prune_columns(zeros, layers);
  prune_rows(zeros, layers);
}

void TileWise::prune_columns(int64_t zeros, std::span<const LayerMatrix> layers) const {
  const double total = static_cast<double>(count_weights(layers));
  const double kept_share = std::pow(1 - static_cast<double>(zeros) / total, column_split_);
  int64_t target = std::llround(total * (1 - kept_share));

  std::vector<Unit> units;
  for (size_t i = 0; i < layers.size(); ++i)
    for (int64_t n = 0; n < layers[i].outputs; ++n)
      if (kept_in_column(layers[i], n) == 0)
        target -= layers[i].inputs;
      else
        units.push_back(
            {mean_score_of_column(layers[i], n), layers[i].inputs, static_cast<int64_t>(i), n});

  int64_t budget = zeros - count_zeros(layers);  // the sum of both phases must not be passed here
  for (const Unit& unit : lowest_units(std::move(units), target)) {
    const LayerMatrix& layer = layers[static_cast<size_t>(unit.layer)];
    budget -= kept_in_column(layer, unit.index);
    if (budget < 0) break;
    clear_column(layer, unit.index);
  }
}

void TileWise::prune_rows(int64_t zeros, std::span<const LayerMatrix> layers) const {
  const auto layer_of = [&](const Tile& tile) -> const LayerMatrix& {
    return layers[static_cast<size_t>(tile.layer)];
  };
  for (bool is_stable = false; !is_stable;) {
    std::vector<Tile> tiles = cut_tiles(layers, granularity_);
    std::vector<Unit> units;
    for (size_t t = 0; t < tiles.size(); ++t)
      append_row_units(units, tiles[t], static_cast<int64_t>(t), layer_of(tiles[t]), k_multiple_);
    for (const Unit& unit : lowest_units(std::move(units), zeros - count_zeros(layers))) {
      const int64_t inputs = layers[static_cast<size_t>(unit.layer)].inputs;
      // index = tile * inputs + end with 1 <= end <= inputs
      tiles[static_cast<size_t>((unit.index - 1) / inputs)].num_pruned =
          (unit.index - 1) % inputs + 1;
    }

    is_stable = true;
    for (const Tile& tile : tiles)
      for (const int64_t n : emptied_columns(tile, layer_of(tile))) {
        clear_column(layer_of(tile), n);
        is_stable = false;
      }
    if (!is_stable) continue;
    for (const Tile& tile : tiles)
      for (const int64_t n : tile.columns)
        for (int64_t r = 0; r < tile.num_pruned; ++r)
          layer_of(tile).mask[n * layer_of(tile).inputs + tile.rows[static_cast<size_t>(r)]] = 0;
  }
}

}  // namespace tessera

#include "pruning/tile_wise.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "framework/backend/cpu.h"
#include "pruning/tiles.h"

namespace tessera {

namespace {

std::vector<Unit> list_columns(std::span<const LayerMatrix> layers) {
  std::vector<Unit> columns;
  for (size_t i = 0; i < layers.size(); ++i) {
    const size_t first = columns.size();
    columns.resize(first + static_cast<size_t>(layers[i].outputs));
    cpu().parallel_for(layers[i].outputs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n)
        columns[first + static_cast<size_t>(n)] = make_unit(
            static_cast<int64_t>(i), n, tally(layers[i], output(layers[i], n)), layers[i].inputs);
    });
  }
  return columns;
}

/// Which rows of which tiles go, by the index of the row.
using RowFlags = std::vector<uint8_t>;

RowFlags choose_rows(std::vector<Unit> rows, const std::vector<Tile>& tiles, int64_t budget,
                     int64_t bundle, bool balanced, int64_t min_keep) {
  RowFlags pruned(static_cast<size_t>(count_rows(tiles)), 0);
  if (bundle == 1 && !balanced) {
    for (const Unit& row : lowest_units(std::move(rows), budget, min_keep))
      pruned[static_cast<size_t>(row.index)] = 1;
    return pruned;
  }
  const Bundles bundles = bundle_rows(rows, tiles, bundle, balanced);
  std::vector<uint8_t> chosen(bundles.units.size(), 0);
  for (const Unit& unit : lowest_units(bundles.units, budget, min_keep))
    chosen[static_cast<size_t>(unit.index)] = 1;
  for (size_t i = 0; i < rows.size(); ++i)
    pruned[static_cast<size_t>(rows[i].index)] = chosen[static_cast<size_t>(bundles.of_row[i])];
  return pruned;
}

/// For each input of a tile's layer whether its row stays: 1, else 0.
std::vector<uint8_t> inputs_left(const Tile& tile, const LayerMatrix& layer, const RowFlags& pruned,
                                 int64_t row_block) {
  std::vector<uint8_t> left(static_cast<size_t>(layer.inputs));
  for (int64_t r = 0; r < tile.num_rows; ++r)
    std::fill(left.begin() + r * row_block,
              left.begin() + std::min((r + 1) * row_block, layer.inputs),
              static_cast<uint8_t>(pruned[static_cast<size_t>(tile.first_row + r)] == 0));
  return left;
}

/// Calls act(tile, layer, inputs left) for all tiles, on all threads.
template <class Act>
void for_each_tile(const std::vector<Tile>& tiles, std::span<const LayerMatrix> layers,
                   const RowFlags& pruned, int64_t row_block, const Act& act) {
  cpu().parallel_for(static_cast<int64_t>(tiles.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const Tile& tile = tiles[static_cast<size_t>(t)];
      const LayerMatrix& layer = layers[static_cast<size_t>(tile.layer)];
      act(tile, layer, inputs_left(tile, layer, pruned, row_block));
    }
  });
}

/// Prunes the columns of a tile that lose all their rows while others of the tile do not.
bool clear_emptied_columns(const Tile& tile, const LayerMatrix& layer,
                           const std::vector<uint8_t>& left) {
  std::vector<int64_t> emptied;
  const auto goes = [](uint8_t stays, uint8_t kept) { return (stays & kept) == 0; };
  for (const int64_t n : tile.columns)
    if (std::equal(left.begin(), left.end(), layer.mask + n * layer.inputs, goes))
      emptied.push_back(n);
  if (emptied.size() == tile.columns.size()) return false;
  for (const int64_t n : emptied) clear(layer, output(layer, n));
  return !emptied.empty();
}

void clear_rows(const Tile& tile, const LayerMatrix& layer, const std::vector<uint8_t>& left) {
  const uint8_t* const stays = left.data();
  const int64_t inputs = layer.inputs;
  for (const int64_t n : tile.columns) {
    uint8_t* const mask = layer.mask + n * inputs;
    for (int64_t k = 0; k < inputs; ++k) mask[k] &= stays[k];
  }
}

/// Copies of layers' masks, to try something on; keeps the best try.
class ScratchMasks {
 public:
  explicit ScratchMasks(std::span<const LayerMatrix> layers)
      : original_(layers),
        copies_(layers.begin(), layers.end()),
        masks_(layers.size()),
        best_(layers.size()) {}
  std::span<const LayerMatrix> reset() {
    for (size_t i = 0; i < original_.size(); ++i) {
      masks_[i].resize(static_cast<size_t>(original_[i].numel()));
      copies_[i].mask = masks_[i].data();
      cpu().parallel_for(original_[i].numel(), kFlagsOfThread, [&](int64_t begin, int64_t end) {
        std::copy(original_[i].mask + begin, original_[i].mask + end, copies_[i].mask + begin);
      });
    }
    return copies_;
  }
  /// What is there now is the best so far.
  void keep() { std::swap(masks_, best_); }
  /// REQUIRES: keep() has been called.
  void restore() const {
    for (size_t i = 0; i < original_.size(); ++i)
      std::copy(best_[i].begin(), best_[i].end(), original_[i].mask);
  }

 private:
  std::span<const LayerMatrix> original_;
  std::vector<LayerMatrix> copies_;
  std::vector<std::vector<uint8_t>> masks_, best_;
};

}  // namespace

TileWise::TileWise(const PatternOptions& options, double split, int64_t row_block)
    : granularity_(granularity_of(options)),
      row_block_(row_block),
      bundle_((options.k_multiple + row_block - 1) / row_block),
      balanced_(options.balanced),
      min_keep_(options.min_keep),
      split_(split),
      apriori_(options.apriori) {
  require(options.k_multiple >= 1, "[prune] k_multiple must be at least 1; got ",
          options.k_multiple, ".");
  require(split_ == kAutoSplit || (split_ >= 0 && split_ <= 1),
          "[prune] split must be from 0 (rows only) to 1 (columns only), or auto; got ", split_,
          ".");
}

int64_t TileWise::largest_unit(std::span<const LayerMatrix> layers) const {
  int64_t largest = 1;
  for (const LayerMatrix& layer : layers) {
    const int64_t group_size = layer.outputs / layer.groups;
    const int64_t columns = balanced_ ? layer.outputs : std::min(granularity_, group_size);
    largest = std::max(largest, columns * std::min(bundle_ * row_block_, layer.inputs));
  }
  return largest;
}

void TileWise::prune(int64_t zeros, std::span<const LayerMatrix> layers) const {
  prune(zeros, count_weights(layers), layers);
}

void TileWise::prune(int64_t zeros, int64_t capacity, std::span<const LayerMatrix> layers) const {
  const std::vector<Unit> columns = split_ == 0 ? std::vector<Unit>{} : list_columns(layers);
  if (split_ == kAutoSplit) return prune_at_best(columns, zeros, capacity, layers);
  prune_at(split_, columns, zeros, capacity, layers);
}

void TileWise::prune_at_best(const std::vector<Unit>& columns, int64_t zeros, int64_t capacity,
                             std::span<const LayerMatrix> layers) const {
  constexpr int kGrid = 8;         // intervals of the first look
  constexpr int kRefinements = 2;  // each halves the interval around the best
  ScratchMasks scratch(layers);
  double best = 0, best_score = -1;
  const auto consider = [&](double split) {
    const std::span<const LayerMatrix> copies = scratch.reset();
    prune_at(split, columns, zeros, capacity, copies);
    const double score = kept_score(copies);
    if (score <= best_score) return;
    best = split, best_score = score;
    scratch.keep();
  };
  for (int i = 0; i <= kGrid; ++i) consider(static_cast<double>(i) / kGrid);
  double step = 0.5 / kGrid;
  for (int i = 0; i < kRefinements; ++i, step /= 2) {
    const double middle = best;
    for (const double split : {middle - step, middle + step})
      if (split > 0 && split < 1) consider(split);
  }
  scratch.restore();
}

void TileWise::prune_at(double split, std::vector<Unit> columns, int64_t zeros, int64_t capacity,
                        std::span<const LayerMatrix> layers) const {
  if (split > 0) prune_columns(split, std::move(columns), zeros, capacity, layers);
  prune_rows(zeros, layers);
}

void TileWise::prune_columns(double split, std::vector<Unit> columns, int64_t zeros,
                             int64_t capacity, std::span<const LayerMatrix> layers) const {
  const double total = static_cast<double>(count_weights(layers));
  const double kept = std::max(0.0, total - static_cast<double>(zeros));
  const double kept_share = std::pow(kept / std::max(1.0, static_cast<double>(capacity)), split);
  int64_t target = std::llround(total * (1 - kept_share));

  for (Unit& column : columns) {
    const int64_t inputs = layers[static_cast<size_t>(column.layer)].inputs;
    if (column.cost == 0) target -= inputs;
    column.cost = column.cost == 0 ? 0 : inputs;  // with the weights that it has lost already
  }
  const int64_t all = static_cast<int64_t>(columns.size());
  std::erase_if(columns, [](const Unit& column) { return column.cost == 0; });
  assign_tiers(columns, all, apriori_.columns);

  columns = lowest_units(std::move(columns), target, min_keep_);
  std::sort(columns.begin(), columns.end(), goes_before);
  int64_t budget = zeros - count_zeros(layers);  // the sum of both phases must not be passed here
  for (const Unit& column : columns) {
    const LayerMatrix& layer = layers[static_cast<size_t>(column.layer)];
    budget -= count_kept(layer, output(layer, column.index));
    if (budget < 0) break;
    clear(layer, output(layer, column.index));
  }
}

void TileWise::prune_rows(int64_t zeros, std::span<const LayerMatrix> layers) const {
  for (;;) {
    const std::vector<Tile> tiles = cut_tiles(layers, granularity_, row_block_);
    std::vector<Unit> rows = list_rows(tiles, layers, row_block_);
    assign_tiers(rows, count_rows(tiles), apriori_.rows);
    const RowFlags pruned = choose_rows(std::move(rows), tiles, zeros - count_zeros(layers),
                                        bundle_, balanced_, min_keep_);
    std::atomic<bool> is_emptied = false;
    for_each_tile(tiles, layers, pruned, row_block_, [&](const auto&... tile) {
      if (clear_emptied_columns(tile...)) is_emptied = true;
    });
    if (is_emptied) continue;
    for_each_tile(tiles, layers, pruned, row_block_, clear_rows);
    return;
  }
}

}  // namespace tessera

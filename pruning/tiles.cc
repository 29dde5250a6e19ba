#include "pruning/tiles.h"

#include <algorithm>
#include <tuple>

#include "framework/backend/cpu.h"

namespace tessera {

namespace {

/// Sums over the columns of a tile, one an input.
struct RowSums {
  explicit RowSums(const LayerMatrix& layer)
      : score(static_cast<size_t>(layer.inputs), 0.0),
        kept(static_cast<size_t>(layer.inputs), 0),
        kept_by_ew(layer.element_wise != nullptr ? static_cast<size_t>(layer.inputs) : 0, 0) {}

  void add(const LayerMatrix& layer, int64_t column) {
    const float* s = layer.scores + column * layer.inputs;
    const uint8_t* m = layer.mask + column * layer.inputs;
    for (size_t k = 0; k < score.size(); ++k) {
      score[k] += static_cast<double>(s[k] * static_cast<float>(m[k]));
      kept[k] += m[k];
    }
    if (layer.element_wise == nullptr) return;
    const uint8_t* ew = layer.element_wise + column * layer.inputs;
    for (size_t k = 0; k < kept_by_ew.size(); ++k) kept_by_ew[k] += m[k] & ew[k];
  }

  Tally of(const LayerMatrix& layer, int64_t begin, int64_t end) const {
    Tally sum;
    double raw = 0;
    for (size_t k = static_cast<size_t>(begin); k < static_cast<size_t>(end); ++k) {
      raw += score[k];
      sum.kept += kept[k];
      if (!kept_by_ew.empty()) sum.kept_by_ew += kept_by_ew[k];
    }
    sum.score = raw * layer.scale - layer.lowest * static_cast<double>(sum.kept);
    return sum;
  }

  std::vector<double> score;
  std::vector<int32_t> kept, kept_by_ew;
};

/// Writes a tile's units; the cost of those without kept weights is 0.
void fill_rows(Unit* rows, const Tile& tile, const LayerMatrix& layer, int64_t row_block) {
  RowSums sums(layer);
  for (const int64_t n : tile.columns) sums.add(layer, n);
  const int64_t width = static_cast<int64_t>(tile.columns.size());
  for (int64_t r = 0; r < tile.num_rows; ++r) {
    const int64_t begin = r * row_block, end = std::min(begin + row_block, layer.inputs);
    rows[r] = make_unit(tile.layer, tile.first_row + r, sums.of(layer, begin, end),
                        width * (end - begin));
  }
}

/// Calls visit(tile, first, last) with the units of each tile's rows, which stand together.
template <class Visit>
void for_each_tile(std::vector<Unit>& rows, const std::vector<Tile>& tiles, const Visit& visit) {
  auto first = rows.begin();
  for (const Tile& tile : tiles) {
    const auto last = std::find_if(first, rows.end(), [&](const Unit& row) {
      return row.index >= tile.first_row + tile.num_rows;
    });
    visit(tile, first, last);
    first = last;
  }
}

/// A sequence of units that must go one after the other: of a tile or, balanced, of a layer. Unit
/// `first_unit + i` leaves the rows of levels - 1 - i bundles.
struct Chain {
  int64_t levels = 0;
  int64_t first_unit = 0;
};

/// Sorts the rows of each tile and counts the levels of each chain.
std::vector<Chain> make_chains(std::vector<Unit>& rows, const std::vector<Tile>& tiles,
                               int64_t size, const std::vector<size_t>& chain_of_tile) {
  std::vector<Chain> chains;
  size_t t = 0;
  for_each_tile(rows, tiles, [&](const Tile&, auto first, auto last) {
    std::sort(first, last, [](const Unit& a, const Unit& b) {
      return std::tie(a.tier, a.score, a.index) < std::tie(b.tier, b.score, b.index);
    });
    const size_t chain = chain_of_tile[t++];
    if (chain >= chains.size()) chains.resize(chain + 1);
    chains[chain].levels =
        std::max<int64_t>(chains[chain].levels, (last - first + size - 1) / size);
  });
  int64_t num_units = 0;
  for (Chain& chain : chains) {
    chain.first_unit = num_units;
    num_units += chain.levels;
  }
  return chains;
}

/// Divides the sums by the widths; a unit must not go before those before it in its chain, though
/// its score is lower, as rounding or narrower tiles can make it.
void finish_units(std::vector<Unit>& units, const std::vector<double>& widths,
                  const std::vector<Chain>& chains) {
  for (const Chain& chain : chains)
    for (int64_t i = 0; i < chain.levels; ++i) {
      const size_t id = static_cast<size_t>(chain.first_unit + i);
      units[id].index = chain.first_unit + i;
      units[id].score /= widths[id];
      if (i > 0 && units[id].tier == units[id - 1].tier)
        units[id].score = std::max(units[id].score, units[id - 1].score);
    }
}

}  // namespace

std::vector<Tile> cut_tiles(std::span<const LayerMatrix> layers, int64_t granularity,
                            int64_t row_block) {
  std::vector<Tile> tiles;
  int64_t num_rows = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const int64_t rows = (layers[i].inputs + row_block - 1) / row_block;
    const int64_t group_size = layers[i].outputs / layers[i].groups;
    for (int64_t group = 0; group < layers[i].groups; ++group) {
      bool is_full = true;
      for (int64_t n = group * group_size; n < (group + 1) * group_size; ++n) {
        if (!is_output_kept(layers[i], n)) continue;
        if (is_full) {
          tiles.push_back(
              {.layer = static_cast<int32_t>(i), .first_row = num_rows, .num_rows = rows});
          num_rows += rows;
        }
        tiles.back().columns.push_back(static_cast<int32_t>(n));
        is_full = static_cast<int64_t>(tiles.back().columns.size()) == granularity;
      }
    }
  }
  return tiles;
}

std::vector<Unit> list_rows(const std::vector<Tile>& tiles, std::span<const LayerMatrix> layers,
                            int64_t row_block) {
  std::vector<Unit> rows(static_cast<size_t>(count_rows(tiles)));
  cpu().parallel_for(static_cast<int64_t>(tiles.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const Tile& tile = tiles[static_cast<size_t>(t)];
      fill_rows(rows.data() + tile.first_row, tile, layers[static_cast<size_t>(tile.layer)],
                row_block);
    }
  });
  std::erase_if(rows, [](const Unit& row) { return row.cost == 0; });
  return rows;
}

Bundles bundle_rows(std::vector<Unit>& rows, const std::vector<Tile>& tiles, int64_t size,
                    bool balanced) {
  std::vector<size_t> chain_of_tile;
  for (size_t t = 0; t < tiles.size(); ++t)
    chain_of_tile.push_back(balanced ? static_cast<size_t>(tiles[t].layer) : t);
  const std::vector<Chain> chains = make_chains(rows, tiles, size, chain_of_tile);

  const int64_t num_units = chains.empty() ? 0 : chains.back().first_unit + chains.back().levels;
  Bundles bundles{.units = std::vector<Unit>(static_cast<size_t>(num_units), Unit{.tier = -1}),
                  .of_row = {}};
  bundles.of_row.reserve(rows.size());
  std::vector<double> widths(bundles.units.size(), 0.0);
  size_t t = 0;
  for_each_tile(rows, tiles, [&](const Tile& tile, auto first, auto last) {
    const Chain& chain = chains[chain_of_tile[t++]];
    const double width = static_cast<double>(tile.columns.size());
    for (auto row = first; row != last; ++row) {
      const int64_t level = (last - row - 1) / size;
      const int64_t id = chain.first_unit + chain.levels - 1 - level;
      Unit& unit = bundles.units[static_cast<size_t>(id)];
      unit.score += row->score * width;
      unit.cost += row->cost;
      unit.layer = row->layer;
      unit.tier = std::max(unit.tier, row->tier);
      widths[static_cast<size_t>(id)] += width;
      bundles.of_row.push_back(id);
    }
  });
  finish_units(bundles.units, widths, chains);
  return bundles;
}

}  // namespace tessera

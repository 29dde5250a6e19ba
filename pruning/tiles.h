// The tiles of a mask and their rows, for the patterns that prune rows of tiles.
#pragma once

#include <span>
#include <vector>

#include "pruning/ranking.h"

namespace tessera {

/// G kept columns of one group of a layer, the last tile of a group the rest of them.
struct Tile {
  int32_t layer = 0;
  std::vector<int32_t> columns = {};
  int64_t first_row =
      0;                 ///< its rows are [first_row, first_row + num_rows) of the list of all rows
  int64_t num_rows = 0;  ///< blocks of inputs of the layer, pruned ones included
};

/// Rows of all tiles, pruned ones included.
inline int64_t count_rows(const std::vector<Tile>& tiles) {
  return tiles.empty() ? 0 : tiles.back().first_row + tiles.back().num_rows;
}

/// The tiles of the present masks, layer after layer.
/// row_block: so many consecutive inputs make one row.
std::vector<Tile> cut_tiles(std::span<const LayerMatrix> layers, int64_t granularity,
                            int64_t row_block);

/// A unit for each row of a tile that has kept weights, tile after tile; Unit::index counts the
/// rows of all tiles (Tile::first_row).
std::vector<Unit> list_rows(const std::vector<Tile>& tiles, std::span<const LayerMatrix> layers,
                            int64_t row_block);

/// Rows that are pruned together. `of_row[i]` is the unit that rows[i] is a part of.
struct Bundles {
  std::vector<Unit> units;
  std::vector<int64_t> of_row;
};

/// Sorts the rows of each tile and bundles each `size` of them, the lowest first. What does not
/// fill a bundle is the first one, so that the count left is a multiple of `size`. balanced:
/// bundles of all tiles of a layer that leave the same count of rows are one unit, so that the
/// tiles of a layer keep equally many rows. Unit::index counts the units.
Bundles bundle_rows(std::vector<Unit>& rows, const std::vector<Tile>& tiles, int64_t size,
                    bool balanced);

}  // namespace tessera

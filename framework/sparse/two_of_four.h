// 2:4 sparsity inside the blocks of a TileMatrix: of each 4 rows of a tile, taken in turn from its
// first, an output keeps 2 at most; the last rows of a tile may be fewer than 4.
//
// Compressed, a group of r rows (4, or what is left at the end) stores min(2, r) values of an
// output, in the order of their rows, and the place of each in its group as 2 bits: value i of the
// tile matrix has place (meta[i / 4] >> 2 * (i % 4)) & 3. Groups with fewer non-zeros store zeros.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/sparse/tile_matrix.h"

namespace tessera {

inline constexpr int64_t kGroupRows = 4;
inline constexpr int64_t kGroupValues = 2;

/// Values that an output stores for so many rows.
constexpr int64_t compressed_values(int64_t rows) {
  const int64_t left = rows % kGroupRows;
  return rows / kGroupRows * kGroupValues + (left < kGroupValues ? left : kGroupValues);
}

struct CompressedBlocks {
  std::vector<float> values;
  std::vector<uint8_t> meta;  ///< ceil(values / 4) bytes; bits past the last value are zero
};

/// REQUIRES: the blocks are 2:4 sparse (is_two_of_four).
CompressedBlocks compress_blocks(const TileMatrix& m);

/// The blocks' values with zeros in place. Reads only n_ptr and k_ptr of `m`, which must satisfy
/// check_tiles. Throws: std::runtime_error that names the weight and the value where the lengths do
/// not fit the tiles, or where places do not grow inside a group or lie beyond its rows.
std::vector<float> expand_blocks(const std::string& name, const TileMatrix& m,
                                 const CompressedBlocks& compressed);

bool is_two_of_four(const TileMatrix& m);

}  // namespace tessera

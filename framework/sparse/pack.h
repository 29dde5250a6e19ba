// Packing: from a weight and the mask that a pruning pattern left to a TileMatrix.
#pragma once

#include <cstdint>
#include <string>

#include "framework/sparse/tile_matrix.h"

namespace tessera {

/// Packs the weights that `mask` keeps (U8 of the weight's shape, 1 = kept; undefined: all).
/// In each of the `groups` equal parts of the outputs (a convolution's groups) the outputs that
/// keep anything are cut into tiles of `granularity`: in the order of their indices or, where that
/// stores fewer zeros, with outputs of equal rows side by side. A tile keeps the rows that any of
/// its outputs keeps. weight: f32, row-major, rank >= 2. Throws: std::invalid_argument where the
/// arguments do not fit.
TileMatrix pack(const Tensor& weight, const Tensor& mask, int64_t granularity, int64_t groups = 1);

/// Zero tiles and all that `mask` keeps as the remainder: the form of unstructured patterns.
TileMatrix pack_remainder(const Tensor& weight, const Tensor& mask);

/// Tiles and a remainder, told apart from the mask alone. A row of a tile that only few of its
/// outputs keep, and an output that keeps only few weights, go to the remainder; few is where the
/// product is cheaper that way, a single weight costing kSingleWeightCost weights of a tile. Finds
/// the tiles of a TEW mask again. Arguments as of pack().
TileMatrix pack_with_singles(const Tensor& weight, const Tensor& mask, int64_t granularity,
                             int64_t groups = 1);
inline constexpr int kSingleWeightCost = 3;  // in bytes, 12 against 4; in time not measured

/// Tiles whose blocks are 2:4 sparse (TileMatrix::two_of_four): the fours are the inputs {0..3},
/// {4..7} ..., which a tile keeps whole, with zeros in the place of what the mask does not keep. A
/// mask that is not 2:4 is packed as by pack(). Arguments as of pack().
TileMatrix pack_two_of_four(const Tensor& weight, const Tensor& mask, int64_t granularity,
                            int64_t groups = 1);

/// Packs in the form that suits `pattern`; granularity: that of the pattern (outputs of a tile).
///   tw tw1 units bw   tiles               tew     tiles and single weights
///   tvw               2:4 sparse tiles    ew vw   single weights, whatever the granularity
///   nm                2:4 sparse tiles of 64 outputs, whatever the granularity
/// Throws: std::invalid_argument for an unknown pattern.
TileMatrix pack_pattern(const std::string& pattern, const Tensor& weight, const Tensor& mask,
                        int64_t granularity, int64_t groups = 1);

/// Throws: std::invalid_argument, with the known patterns, unless pack_pattern knows it.
void check_packed_pattern(const std::string& pattern);

}  // namespace tessera

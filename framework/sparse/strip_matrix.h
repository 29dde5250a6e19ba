// StripMatrix: a TileMatrix in the order in which a family's kernels read it: strips of outputs
// with their weights as [k][outputs of a full strip], the offsets of the kept rows inside an
// activation panel, and the single weights of each output. Outputs that no tile owns stand in tiles
// without rows, which hold their single weights and finish their sums with bias, residual and
// activation.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "framework/sparse/remainder_kernel.h"
#include "framework/sparse/tile_kernel.h"
#include "framework/sparse/tile_matrix.h"

namespace tessera {

struct StripMatrix {
  CpuIsa isa = CpuIsa::portable;  ///< the family
  struct Tile {
    int64_t strip_begin, strip_end, rows, offsets_begin, values_begin;
    bool has_singles;
  };
  std::vector<Tile> tiles;
  std::vector<Strip> strips;
  std::vector<float> values;  ///< and kStripOutputs more, which kernels may read
  std::vector<int32_t> offsets;
  std::vector<SingleWeight> singles;      ///< the remainder, in the order of the strips
  std::vector<int64_t> singles_begin{0};  ///< [strip][kStripOutputs], and the end of the last one
  std::vector<int64_t> cost{0};           ///< of the strips before strip s, in rows

  int64_t multiplications = 0;  ///< for one column of X
};

/// `isa` chooses the kernel family. `row_offset(k, output)` is the offset in floats of row k inside
/// a panel, for a tile or a single weight of `output`; bias: [out] floats or null. REQUIRES: m
/// satisfies check_tiles. Throws: std::invalid_argument for an offset beyond 2^31.
StripMatrix make_strips(CpuIsa isa, const TileMatrix& m, const float* bias,
                        const std::function<int64_t(int64_t k, int64_t output)>& row_offset);

}  // namespace tessera

// A weight and its mask as matrices [outputs, inputs]: what the packers read.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/sparse/tile_matrix.h"

namespace tessera {

struct MaskedWeight {
  const float* values;
  const uint8_t* kept;  ///< null: all is kept
  int64_t outputs, inputs;

  /// Throws: std::invalid_argument where the arguments of pack() do not fit.
  MaskedWeight(const Tensor& weight, const Tensor& mask);

  bool keeps(int64_t n, int64_t k) const { return kept == nullptr || kept[n * inputs + k] != 0; }
  int64_t kept_by(int64_t n) const;
  /// The rows that any of the outputs keeps.
  std::vector<int32_t> rows_of(const std::vector<int32_t>& outputs_of_tile) const;
};

/// Of each of the groups, the outputs n with keep(n), in the order of their indices.
template <class Keep>
std::vector<std::vector<int32_t>> outputs_by_group(const MaskedWeight& w, int64_t groups,
                                                   const Keep& keep) {
  std::vector<std::vector<int32_t>> out(static_cast<size_t>(groups));
  for (int64_t n = 0; n < w.outputs; ++n)
    if (keep(n))
      out[static_cast<size_t>(n / (w.outputs / groups))].push_back(static_cast<int32_t>(n));
  return out;
}

/// Cuts each list into tiles of `granularity`, sorted inside.
std::vector<std::vector<int32_t>> cut_tiles(const std::vector<std::vector<int32_t>>& outputs,
                                            int64_t granularity);

/// Appends a tile of these outputs and rows; weights that the mask does not keep become zero.
void append_tile(const MaskedWeight& w, const std::vector<int32_t>& outputs,
                 const std::vector<int32_t>& rows, TileMatrix& m);

void check_packing(const MaskedWeight& w, int64_t granularity, int64_t groups);

}  // namespace tessera

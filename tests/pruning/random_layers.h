// Layers with random scores, and what can be read from their masks.
#pragma once

#include <string>
#include <vector>

#include "framework/core/random.h"
#include "pruning/pattern.h"

namespace tessera::testing {

/// Squared normal draws, as Taylor scores are distributed, times `scale`.
inline Tensor random_scores(const Shape& shape, RandomSequence& draws, float scale = 1) {
  Tensor scores = Tensor::empty(shape);
  for (int64_t i = 0; i < scores.numel(); ++i) {
    const float x = draws.normal();
    scores.data<float>()[i] = scale * x * x;
  }
  return scores;
}

inline uint8_t at(const Tensor& mask, int64_t n, int64_t k) {
  return mask.data<uint8_t>()[n * mask.dim(1) + k];
}

inline int64_t count_kept(const Tensor& mask) {
  int64_t kept = 0;
  for (const uint8_t m : mask.to_vector<uint8_t>()) kept += m;
  return kept;
}

/// A tile of a mask as the packed format cuts it.
struct MaskTile {
  std::vector<int64_t> columns;  ///< outputs with kept weights, in order
  std::vector<int64_t> rows;     ///< inputs that some of these columns keep
  int64_t kept = 0;              ///< kept weights; columns * rows where the tile is dense
};

inline std::vector<MaskTile> tiles_of(const Tensor& mask, int64_t granularity, int64_t groups = 1) {
  std::vector<MaskTile> tiles;
  const int64_t group_size = mask.dim(0) / groups, inputs = mask.dim(1);
  for (int64_t n = 0; n < mask.dim(0); ++n) {
    bool is_kept = false;
    for (int64_t k = 0; k < inputs; ++k) is_kept |= at(mask, n, k) != 0;
    if (!is_kept) continue;
    if (tiles.empty() || static_cast<int64_t>(tiles.back().columns.size()) == granularity ||
        tiles.back().columns.back() / group_size != n / group_size)
      tiles.emplace_back();
    tiles.back().columns.push_back(n);
  }
  for (MaskTile& tile : tiles)
    for (int64_t k = 0; k < inputs; ++k) {
      int64_t kept = 0;
      for (const int64_t n : tile.columns) kept += at(mask, n, k);
      if (kept != 0) tile.rows.push_back(k);
      tile.kept += kept;
    }
  return tiles;
}

}  // namespace tessera::testing

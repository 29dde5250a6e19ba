// Weights and masks for tests of the sparse runtime.
#pragma once

#include "framework/core/random.h"
#include "framework/sparse/pack.h"

namespace tessera::testing {

inline Tensor random_f32(const Shape& shape, uint32_t stream, Layout layout = Layout::row_major) {
  Tensor out = Tensor::empty(shape, {.layout = layout});
  RandomSequence random({.seed = 7, .stream = stream});
  for (int64_t i = 0; i < out.numel(); ++i)
    out.data<float>()[i] = 2 * static_cast<float>(random.uniform()) - 1;
  return out;
}

/// A tile-wise mask: outputs dropped, and then rows of tiles, with rates that differ by tile.
inline Tensor tile_wise_mask(const Shape& shape, int64_t granularity, uint32_t stream) {
  Tensor mask = Tensor::zeros(shape, {.dtype = DType::u8});
  RandomSequence random({.seed = 8, .stream = stream});
  const int64_t inputs = shape.numel() / shape[0];
  std::vector<uint8_t> rows(static_cast<size_t>(inputs));
  for (int64_t n = 0, in_tile = granularity; n < shape[0]; ++n) {
    if (random.uniform() < 0.4f) continue;
    if (in_tile == granularity) {
      in_tile = 0;
      const float rate = 0.2f + 0.6f * static_cast<float>(random.uniform());
      for (uint8_t& row : rows) row = random.uniform() < rate;
      rows[static_cast<size_t>(n % inputs)] = 1;
    }
    ++in_tile;
    std::copy(rows.begin(), rows.end(), mask.data<uint8_t>() + n * inputs);
  }
  return mask;
}

/// Keeps each weight with probability `share`, but none of output 1.
inline Tensor scattered_mask(const Shape& shape, float share, uint32_t stream) {
  Tensor mask = Tensor::zeros(shape, {.dtype = DType::u8});
  RandomSequence random({.seed = 8, .stream = stream});
  const int64_t inputs = shape.numel() / shape[0];
  for (int64_t i = 0; i < mask.numel(); ++i)
    mask.data<uint8_t>()[i] = random.uniform() < share && i / inputs != 1;
  return mask;
}

/// `tiles` and, besides, about `share` of the weights outside them.
inline TileMatrix with_singles(TileMatrix tiles, const Tensor& weight, float share) {
  Tensor inside = Tensor::zeros(tiles.shape, {.dtype = DType::u8});
  const int64_t inputs = tiles.inputs();
  for (size_t t = 0; t + 1 < tiles.n_ptr.size(); ++t)
    for (int32_t n = tiles.n_ptr[t]; n < tiles.n_ptr[t + 1]; ++n)
      for (int32_t k = tiles.k_ptr[t]; k < tiles.k_ptr[t + 1]; ++k)
        inside.data<uint8_t>()[tiles.n_idx[static_cast<size_t>(n)] * inputs +
                               tiles.k_idx[static_cast<size_t>(k)]] = 1;
  Tensor outside = scattered_mask(tiles.shape, share, 9);
  for (int64_t i = 0; i < outside.numel(); ++i)
    if (inside.data<uint8_t>()[i] != 0) outside.data<uint8_t>()[i] = 0;
  const TileMatrix singles = pack_remainder(weight, outside);
  tiles.tew_row = singles.tew_row;
  tiles.tew_col = singles.tew_col;
  tiles.tew_values = singles.tew_values;
  return tiles;
}

inline Tensor masked(const Tensor& weight, const Tensor& mask) {
  Tensor out = weight.clone();
  for (int64_t i = 0; i < out.numel(); ++i)
    if (mask.data<uint8_t>()[i] == 0) out.data<float>()[i] = 0;
  return out;
}

}  // namespace tessera::testing

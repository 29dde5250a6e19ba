// Weights and masks for tests of the sparse runtime.
#pragma once

#include "framework/core/random.h"
#include "framework/sparse/tile_matrix.h"

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

inline Tensor masked(const Tensor& weight, const Tensor& mask) {
  Tensor out = weight.clone();
  for (int64_t i = 0; i < out.numel(); ++i)
    if (mask.data<uint8_t>()[i] == 0) out.data<float>()[i] = 0;
  return out;
}

}  // namespace tessera::testing

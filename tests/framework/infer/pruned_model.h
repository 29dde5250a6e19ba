// Models with weights of their own, pruned, and how far a plan is from them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "layers/initialize.h"
#include "layers/module.h"
#include "tests/framework/sparse/random_tiles.h"

namespace tessera::testing {

using Tiles = std::map<std::string, TileMatrix>;

/// Weights, norms and running statistics that differ from their first values.
inline void randomize(Module& model) {
  initialize(model, 1, Initialization::kaiming);
  uint32_t stream = 100;
  for (const Parameter& p : model.parameters()) {
    if (p.role == ParameterRole::weight) continue;
    const Tensor noise = random_f32(p.tensor.shape(), ++stream);
    for (int64_t i = 0; i < noise.numel(); ++i)
      Tensor(p.tensor).data<float>()[i] += 0.3f * noise.data<float>()[i];
  }
  for (const NamedTensor& buffer : model.buffers()) {
    if (buffer.tensor.dtype() != DType::f32) continue;
    const Tensor noise = random_f32(buffer.tensor.shape(), ++stream);
    for (int64_t i = 0; i < noise.numel(); ++i)
      Tensor(buffer.tensor).data<float>()[i] += 0.3f * noise.data<float>()[i];
  }
}

/// Prunes every weight but the first: `mask_of(shape, stream)`, packed by `pack_by(p, mask)`.
inline Tiles prune(Module& model, const std::function<Tensor(const Shape&, uint32_t)>& mask_of,
                   const std::function<TileMatrix(const Parameter&, const Tensor&)>& pack_by) {
  Tiles tiles;
  uint32_t stream = 200;
  bool first = true;
  for (const Parameter& p : model.parameters()) {
    if (!p.is_prunable()) continue;
    if (std::exchange(first, false)) continue;
    const Tensor mask = mask_of(p.tensor.shape(), ++stream);
    tiles[p.name] = pack_by(p, mask);
    Tensor(p.tensor).copy_from(masked(p.tensor, mask));
  }
  return tiles;
}

/// The largest difference, relative to the largest value.
inline double relative_error(const Tensor& got, const Tensor& want) {
  REQUIRE(got.shape() == want.shape());
  REQUIRE(got.layout() == want.layout());
  double difference = 0, largest = 1e-6;
  for (int64_t i = 0; i < want.numel(); ++i) {
    const double w = want.data<float>()[i];
    difference = std::max(difference, std::abs(got.data<float>()[i] - w));
    largest = std::max(largest, std::abs(w));
  }
  return difference / largest;
}

}  // namespace tessera::testing

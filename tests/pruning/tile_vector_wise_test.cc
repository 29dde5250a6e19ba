#include "pruning/tile_vector_wise.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Whether each kept four of a tile's rows, taken together, has at most two weights an output. Rows
/// that keep nothing in a tile are part of it where others of their block do.
bool is_two_of_four(const Tensor& mask, int64_t granularity) {
  for (const MaskTile& tile : tiles_of(mask, granularity)) {
    std::vector<int64_t> rows;
    for (int64_t k = 0; k < mask.dim(1); ++k)
      if (std::any_of(tile.rows.begin(), tile.rows.end(),
                      [&](int64_t row) { return row / 4 == k / 4; }))
        rows.push_back(k);
    for (const int64_t n : tile.columns)
      for (size_t r = 0; r < rows.size(); r += 4) {
        int64_t kept = 0;
        for (size_t j = r; j < std::min(r + 4, rows.size()); ++j) kept += at(mask, n, rows[j]);
        if (kept > 2) return false;
      }
  }
  return true;
}

}  // namespace

TEST_CASE("tvw at 50% is 2:4") {
  RandomSequence draws({.seed = 12});
  const std::vector<LayerScores> layers = {
      {.name = "fc", .scores = random_scores({48, 64}, draws)}};
  CHECK(prune_masks({.pattern = "tvw", .granularity = 16}, 0.5, layers)[0].to_vector<uint8_t>() ==
        prune_masks({.pattern = "nm"}, 0.5, layers)[0].to_vector<uint8_t>());
}

TEST_CASE("tvw stays 2:4 inside its tiles and meets the sparsity at every stage") {
  RandomSequence draws({.seed = 13});
  std::vector<LayerScores> layers;
  for (const Shape& shape : {Shape{128, 576}, Shape{256, 1152}, Shape{100, 270}})
    layers.push_back({.name = "conv", .scores = random_scores(shape, draws)});
  for (const double sparsity : {0.5, 0.6, 0.702, 0.744, 0.75}) {
    const std::vector<Tensor> masks =
        prune_masks({.pattern = "tvw", .granularity = 32}, sparsity, layers);
    CHECK(mask_sparsity(masks) == doctest::Approx(sparsity).epsilon(1e-3));
    for (size_t i = 0; i < layers.size(); ++i) {
      CHECK(is_two_of_four(masks[i], 32));
      layers[i].mask = masks[i];
      layers[i].scores = random_scores(layers[i].scores.shape(), draws);
    }
  }
}

TEST_CASE("tvw below 50% is an error that says so") {
  const LayerScores layer{.name = "fc", .scores = Tensor::full({16, 64}, 1)};
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "tvw"}, 0.4, {layer}),
                       doctest::Contains("at least 0.5; got 0.4. The nearest is 0.5."),
                       std::invalid_argument);
}

#include "pruning/tile_element_wise.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("tew is tw at sparsity + delta and the best of what tw pruned") {
  RandomSequence draws({.seed = 8});
  std::vector<LayerScores> layers;
  for (const Shape& shape : {Shape{70, 90}, Shape{128, 200}})
    layers.push_back({.name = "fc", .scores = random_scores(shape, draws)});
  const auto tew = prune_masks({.pattern = "tew", .granularity = 16, .delta = 0.05}, 0.7, layers);
  const auto tw = prune_masks({.pattern = "tw", .granularity = 16}, 0.75, layers);
  CHECK(mask_sparsity(tew) == doctest::Approx(0.7).epsilon(1e-4));
  float worst_restored = 1e9f, best_pruned = 0;
  for (size_t i = 0; i < layers.size(); ++i)
    for (int64_t e = 0; e < tew[i].numel(); ++e) {
      const bool in_tiles = tw[i].data<uint8_t>()[e] != 0, kept = tew[i].data<uint8_t>()[e] != 0;
      const float score = layers[i].scores.data<float>()[e];
      REQUIRE((kept || !in_tiles));
      if (kept && !in_tiles) worst_restored = std::min(worst_restored, score);
      if (!kept) best_pruned = std::max(best_pruned, score);
    }
  CHECK(worst_restored >= best_pruned);
}

TEST_CASE("tew: what was pruned before does not come back, with delta 0 it is exact all the same") {
  RandomSequence draws({.seed = 9});
  LayerScores layer{.name = "fc", .scores = random_scores({64, 96}, draws)};
  for (const double sparsity : {0.4, 0.6, 0.75}) {
    const Tensor mask = prune_masks({.pattern = "tew", .granularity = 16}, sparsity, {layer})[0];
    CHECK(mask_sparsity({mask}) == doctest::Approx(sparsity).epsilon(2e-4));
    for (int64_t e = 0; layer.mask.defined() && e < mask.numel(); ++e)
      REQUIRE(mask.data<uint8_t>()[e] <= layer.mask.data<uint8_t>()[e]);
    layer.mask = mask;
    layer.scores = random_scores({64, 96}, draws);
  }
  layer.mask = {};
  const Tensor tew =
      prune_masks({.pattern = "tew", .granularity = 16, .delta = 0}, 0.6, {layer})[0];
  CHECK(count_kept(tew) == std::llround(0.4 * 64 * 96));
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "tew", .delta = 1}, 0.6, {layer}),
                       doctest::Contains("delta must be at least 0 and below 1; got 1"),
                       std::invalid_argument);
}

#include "pruning/apriori.h"

#include <doctest/doctest.h>

#include <cmath>

#include "pruning/ranking.h"
#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("tiers: the emptiest go first, the fullest last, equals by score and index") {
  std::vector<Unit> units(8);
  const float fill[] = {.5f, .1f, .9f, .1f, .2f, .9f, .8f, .1f};
  for (int64_t i = 0; i < 8; ++i)
    units[static_cast<size_t>(i)] = {
        .score = i == 7 ? 0.0 : 1.0, .cost = 1, .index = i, .layer = 0, .ew_fill = fill[i]};
  assign_tiers(units, {.top = 0.25, .last = 0.125});
  std::vector<int> tiers;
  for (const Unit& unit : units) tiers.push_back(unit.tier);
  CHECK(tiers == std::vector<int>{0, -1, 0, 0, 0, 1, 0, -1});
  assign_tiers(units, {});
  CHECK(units[1].tier == -1);  // nothing asked for, nothing done
}

TEST_CASE("apriori: a column of one large weight goes before a column of many medium ones") {
  // Means 2 and 1.5, but EW at 50% leaves one weight of the first and three of the second.
  const Tensor scores = Tensor::from<float>({8, 0, 0, 0, 1, 2, 1.5f, 1.5f}, {2, 4});
  const std::vector<LayerScores> layers = {{.name = "fc", .scores = scores}};
  PatternOptions options{.granularity = 2, .split = 1};
  CHECK(at(prune_masks(options, 0.5, layers)[0], 0, 0) == 1);
  options.apriori.columns.top = 0.5;
  CHECK(at(prune_masks(options, 0.5, layers)[0], 0, 0) == 0);
  options.apriori.columns = {.top = 0, .last = 0.5};
  CHECK(at(prune_masks(options, 0.5, layers)[0], 0, 0) == 0);
}

TEST_CASE(
    "apriori: the sparsity is met and the protected units stay, for every pattern with units") {
  RandomSequence draws({.seed = 17});
  std::vector<LayerScores> layers;
  for (const Shape& shape : {Shape{128, 200}, Shape{256, 128}})
    layers.push_back({.name = "fc", .scores = random_scores(shape, draws)});
  // Heavy tails: one weight can make the mean of its unit.
  for (LayerScores& layer : layers)
    for (int64_t e = 0; e < layer.scores.numel(); ++e)
      layer.scores.data<float>()[e] = std::pow(layer.scores.data<float>()[e], 4.f);
  for (const std::string pattern : {"tw", "tw1", "tew", "tvw", "bw", "units"}) {
    CAPTURE(pattern);
    PatternOptions options{.pattern = pattern, .granularity = 8, .k_multiple = 4};
    const std::vector<Tensor> plain = prune_masks(options, 0.75, layers);
    options.apriori = {.columns = {.top = 0.1, .last = 0.05}, .rows = {.top = 0.2, .last = 0.1}};
    const std::vector<Tensor> tuned = prune_masks(options, 0.75, layers);
    CHECK(mask_sparsity(tuned) == doctest::Approx(0.75).epsilon(2e-3));
    CHECK(plain[0].to_vector<uint8_t>() != tuned[0].to_vector<uint8_t>());
  }
}

TEST_CASE("apriori shares are checked") {
  const LayerScores layer{.name = "fc", .scores = Tensor::full({16, 64}, 1)};
  PatternOptions options;
  options.apriori.rows = {.top = 0.7, .last = 0.4};
  CHECK_THROWS_WITH_AS(
      prune_masks(options, 0.5, {layer}),
      doctest::Contains("the apriori shares of rows must be at least 0 and at most "
                        "1 together; got top 0.7 and last 0.4"),
      std::invalid_argument);
}

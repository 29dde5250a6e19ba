#include "pruning/apriori.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "pruning/ranking.h"
#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("tiers: the emptiest go first, the fullest last, equals by score and index") {
  std::vector<Unit> units(8);
  const float fill[] = {.5f, .1f, .9f, .1f, .2f, .9f, .8f, .1f};
  for (int64_t i = 0; i < 8; ++i)
    units[static_cast<size_t>(i)] = {.score = i == 7 ? 0.0 : 1.0,
                                     .cost = 1,
                                     .index = i,
                                     .layer = 0,
                                     .ew_share = fill[i],
                                     .ew_fill = fill[i]};
  assign_tiers(units, 8, {.top = 0.25, .last = 0.125});
  std::vector<int> tiers;
  for (const Unit& unit : units) tiers.push_back(unit.tier);
  CHECK(tiers == std::vector<int>{0, -1, 0, 0, 0, 1, 0, -1});
  assign_tiers(units, 8, {});
  CHECK(units[1].tier == -1);  // nothing asked for, nothing done
}

TEST_CASE("tiers: emptiness is of what a unit has left, fullness of all its weights") {
  std::vector<Unit> units(4);
  const float share[] = {1, .5f, .9f, .9f}, fill[] = {.1f, .5f, .9f, .8f};
  for (int64_t i = 0; i < 4; ++i)
    units[static_cast<size_t>(i)] = {
        .score = 1, .cost = 1, .index = i, .ew_share = share[i], .ew_fill = fill[i]};
  assign_tiers(units, 4, {.top = 0.25, .last = 0.25});
  std::vector<int> tiers;
  for (const Unit& unit : units) tiers.push_back(unit.tier);
  CHECK(tiers == std::vector<int>{0, -1, 1, 0});
}

TEST_CASE("tiers: units that are gone are the emptiest ones, so the share is used up by them") {
  std::vector<Unit> units(8);
  for (size_t i = 0; i < 8; ++i) units[i] = {.cost = 1, .ew_share = static_cast<float>(i)};
  const auto number_first = [&](int64_t all) {
    for (Unit& unit : units) unit.tier = 0;
    assign_tiers(units, all, {.top = 0.2, .last = 0});
    return std::count_if(units.begin(), units.end(),
                         [](const Unit& unit) { return unit.tier < 0; });
  };
  CHECK(number_first(9) == 1);   // two of nine, one of them gone
  CHECK(number_first(10) == 0);  // two of ten, both gone
  CHECK(number_first(20) == 0);
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

// Ranked by all its weights, a column that had lost most of them was among the emptiest, so later
// stages emptied layers that were nearly empty and left whole columns that EW would empty.
TEST_CASE("apriori: what earlier stages pruned does not make a column one of the emptiest") {
  std::vector<float> whole(32), thin(32, 50.0f);
  std::vector<uint8_t> kept(32, 0);
  for (size_t n = 0; n < 4; ++n)
    for (size_t k = 0; k < 8; ++k) {
      if (n == 0) whole[k] = k < 3 ? 100.0f : 0.1f;  // of which EW leaves three, of mean 37.6
      if (n > 0) whole[8 * n + k] = k > 0 ? 10.0f : 0.2f;
      kept[8 * n + k] = k < 2;  // all of which EW leaves
    }
  const std::vector<LayerScores> layers = {
      {.name = "whole", .scores = Tensor::from<float>(whole, {4, 8})},
      {.name = "thin",
       .scores = Tensor::from<float>(thin, {4, 8}),
       .mask = Tensor::from<uint8_t>(kept, {4, 8})}};
  PatternOptions options{.granularity = 4, .split = 1};
  options.apriori.columns.top = 0.125;  // one of eight
  const std::vector<Tensor> masks = prune_masks(options, 0.5, layers);
  for (int64_t k = 0; k < 8; ++k) CHECK(at(masks[0], 0, k) == 0);
  CHECK(count_kept(masks[0]) == 24);
  CHECK(masks[1].to_vector<uint8_t>() == kept);
}

TEST_CASE("apriori: the share of all stages together is the one asked for") {
  // Of the first four columns EW leaves a weight or two, which make their means the highest.
  std::vector<float> scores(64);
  for (size_t n = 0; n < 8; ++n)
    for (size_t k = 0; k < 8; ++k)
      scores[8 * n + k] = n >= 4 ? 5.0f + static_cast<float>(n) : k <= n / 2 ? 100.0f : 0.1f;
  std::vector<LayerScores> layers = {{.name = "fc", .scores = Tensor::from<float>(scores, {8, 8})}};
  PatternOptions options{.granularity = 8, .split = 1};
  options.apriori.columns.top = 0.25;
  const auto columns_left = [](const Tensor& mask) {
    std::vector<int> left;
    for (int64_t n = 0; n < 8; ++n) left.push_back(at(mask, n, 0));
    return left;
  };
  layers[0].mask = prune_masks(options, 0.25, layers)[0];
  CHECK(columns_left(layers[0].mask) == std::vector<int>{0, 0, 1, 1, 1, 1, 1, 1});
  layers[0].mask = prune_masks(options, 0.5, layers)[0];
  CHECK(columns_left(layers[0].mask) == std::vector<int>{0, 0, 1, 1, 0, 0, 1, 1});
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

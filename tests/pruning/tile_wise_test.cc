#include "pruning/tile_wise.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Kept weights of all tiles over the places that the packed tiles store.
double fill_of(const Tensor& mask, int64_t granularity, int64_t groups = 1) {
  double kept = 0, stored = 0;
  for (const MaskTile& tile : tiles_of(mask, granularity, groups)) {
    kept += static_cast<double>(tile.kept);
    stored += static_cast<double>(tile.columns.size() * tile.rows.size());
  }
  return kept / stored;
}

}  // namespace

TEST_CASE("tw prunes whole columns first, then rows of the tiles of the columns left") {
  // Column means 1, 10, 2, 10, 10, 10. At 5/9, a third of the weights goes with columns 0 and 2;
  // then a third of the rows of the tiles {1, 3} and {4, 5}.
  const Tensor scores = Tensor::from<float>(
      {
          1,
          1,
          1,  //
          3,
          12,
          15,  // tile 0: row sums 7, 22, 31
          2,
          2,
          2,  //
          4,
          10,
          16,  //
          20,
          5,
          5,  // tile 1: row sums 30, 18, 12
          10,
          13,
          7,
      },
      {6, 3});
  const std::vector<Tensor> masks =
      prune_masks({.granularity = 2}, 5.0 / 9, {{.name = "fc", .scores = scores}});
  CHECK(masks[0].to_vector<uint8_t>() == std::vector<uint8_t>{0, 0, 0,  //
                                                              0, 1, 1,  //
                                                              0, 0, 0,  //
                                                              0, 1, 1,  //
                                                              1, 1, 0,  //
                                                              1, 1, 0});
}

TEST_CASE("tw tiles keep whole rows, ragged shapes and groups included") {
  struct Case {
    const char* name;
    Shape shape;
    int64_t granularity, groups;
  };
  RandomSequence draws({.seed = 11});
  for (const Case& c : std::vector<Case>{{"even", {128, 64}, 16, 1},
                                         {"outputs no multiple of G", {67, 45}, 16, 1},
                                         {"G larger than the outputs", {20, 300}, 64, 1},
                                         {"K smaller than G", {256, 9}, 32, 1},
                                         {"groups", {96, 40}, 32, 4},
                                         {"groups smaller than G", {48, 36}, 32, 6},
                                         {"depthwise", {64, 9}, 32, 64}}) {
    CAPTURE(c.name);
    const LayerScores layer{
        .name = c.name, .scores = random_scores(c.shape, draws), .groups = c.groups};
    const Tensor mask = prune_masks({.granularity = c.granularity}, 0.6, {layer})[0];
    CHECK(fill_of(mask, c.granularity, c.groups) == 1.0);
    const double unit = static_cast<double>(std::min(c.granularity, c.shape[0] / c.groups)) /
                        static_cast<double>(c.shape.numel());
    CHECK(std::abs(mask_sparsity({mask}) - 0.6) <= std::max(1e-3, unit));
  }
}

TEST_CASE("split 0 prunes rows only, 1 columns as far as they go") {
  RandomSequence draws({.seed = 5});
  const LayerScores layer{.name = "fc", .scores = random_scores({64, 50}, draws)};
  const auto count_columns = [&](double split) {
    size_t columns = 0;
    const Tensor mask = prune_masks({.granularity = 16, .split = split}, 0.5, {layer})[0];
    for (const MaskTile& tile : tiles_of(mask, 16)) columns += tile.columns.size();
    return columns;
  };
  CHECK(count_columns(0) == 64);
  CHECK(count_columns(0.5) == 45);  // 64 * sqrt(0.5)
  CHECK(count_columns(1) == 32);
}

TEST_CASE("tw ranks layers of different widths and tiles by the mean score of a weight") {
  RandomSequence draws({.seed = 2});
  const std::vector<LayerScores> layers = {
      {.name = "short columns", .scores = random_scores({256, 100}, draws)},
      {.name = "long columns", .scores = random_scores({100, 1024}, draws)},
      {.name = "half the scores", .scores = random_scores({256, 400}, draws, 0.5f)}};
  const std::vector<Tensor> masks = prune_masks({.granularity = 32}, 0.6, layers);
  const double first = mask_sparsity({masks[0]}), second = mask_sparsity({masks[1]});
  // Columns of 100 spread more around the common mean than those of 1024, hence a few points.
  CHECK(std::abs(first - second) < 0.15);
  CHECK(mask_sparsity({masks[2]}) > std::max(first, second) + 0.2);
}

TEST_CASE("k_multiple: a tile keeps a multiple of it, or all its rows") {
  RandomSequence draws({.seed = 9});
  for (const int64_t inputs : {96, 100}) {
    const LayerScores layer{.name = "fc", .scores = random_scores({128, inputs}, draws)};
    const Tensor mask = prune_masks({.granularity = 16, .k_multiple = 8}, 0.7, {layer})[0];
    CHECK(fill_of(mask, 16) == 1.0);
    for (const MaskTile& tile : tiles_of(mask, 16)) {
      const int64_t rows = static_cast<int64_t>(tile.rows.size());
      CHECK((rows % 8 == 0 || rows == inputs));
    }
  }
}

TEST_CASE("equal scores give the same masks every time, from the front on") {
  const LayerScores layer{.name = "fc", .scores = Tensor::full({8, 4}, 1)};
  const PatternOptions options{.granularity = 2, .k_multiple = 2};
  const Tensor mask = prune_masks(options, 0.5, {layer})[0];
  CHECK(mask.to_vector<uint8_t>() == prune_masks(options, 0.5, {layer})[0].to_vector<uint8_t>());
  CHECK(at(mask, 0, 0) == 0);
  CHECK(at(mask, 7, 3) == 1);
}

TEST_CASE("over five stages the tiles stay nearly dense though they are cut afresh") {
  // The worst case: new random scores at every stage, so that no row is weak in all of them.
  RandomSequence draws({.seed = 4});
  std::vector<LayerScores> layers;
  for (const Shape& shape : {Shape{128, 576}, Shape{256, 1152}, Shape{256, 2304}})
    layers.push_back({.name = "conv", .scores = random_scores(shape, draws)});
  for (const double sparsity : {0.366, 0.588, 0.702, 0.744, 0.75}) {
    const std::vector<Tensor> masks = prune_masks({.granularity = 64}, sparsity, layers);
    CHECK(mask_sparsity(masks) == doctest::Approx(sparsity).epsilon(1e-3));
    for (size_t i = 0; i < layers.size(); ++i) {
      CHECK(fill_of(masks[i], 64) > 0.95);
      layers[i].mask = masks[i];
      layers[i].scores = random_scores(layers[i].scores.shape(), draws);
    }
  }
}

TEST_CASE("tw1 prunes rows of tiles only, the tiles being those of all columns") {
  RandomSequence draws({.seed = 6});
  const LayerScores layer{.name = "fc", .scores = random_scores({50, 60}, draws)};
  const Tensor mask = prune_masks({.pattern = "tw1", .granularity = 16}, 0.7, {layer})[0];
  CHECK(mask_sparsity({mask}) == doctest::Approx(0.7).epsilon(5e-3));
  for (int64_t n = 0; n < 50; ++n)
    for (int64_t k = 0; k < 60; ++k) REQUIRE(at(mask, n, k) == at(mask, n / 16 * 16, k));
}

TEST_CASE("the automatic split keeps at least as much score as any fixed one on its grid") {
  RandomSequence draws({.seed = 7});
  std::vector<LayerScores> layers;
  for (const Shape& shape : {Shape{64, 100}, Shape{96, 40}}) {
    layers.push_back({.name = "fc", .scores = random_scores(shape, draws)});
    // Columns that matter little: pruning them is worth more than the equal split does of it.
    for (int64_t e = 0; e < shape.numel() / 2; ++e) layers.back().scores.data<float>()[e] *= 0.1f;
  }
  const auto kept_at = [&](double split) {
    double sum = 0;
    const auto masks = prune_masks({.granularity = 16, .split = split}, 0.6, layers);
    for (size_t i = 0; i < masks.size(); ++i)
      for (int64_t e = 0; e < masks[i].numel(); ++e)
        sum += masks[i].data<uint8_t>()[e] * layers[i].scores.data<float>()[e];
    return sum;
  };
  const double automatic = kept_at(kAutoSplit);
  for (int i = 0; i <= 8; ++i) CHECK(automatic >= kept_at(i / 8.0));
  CHECK(automatic > 1.01 * kept_at(0.5));
}

TEST_CASE("balanced: the tiles of a layer keep equally many rows, and layers still differ") {
  RandomSequence draws({.seed = 8});
  std::vector<LayerScores> layers;
  for (const float scale : {1.f, 2.f})
    layers.push_back({.name = "fc", .scores = random_scores({100, 96}, draws, scale)});
  // One tile of much higher scores, which alone would keep all its rows.
  for (int64_t e = 0; e < 16 * 96; ++e) layers[0].scores.data<float>()[e] *= 10;
  const PatternOptions options{.granularity = 16, .k_multiple = 8, .balanced = true};
  const std::vector<Tensor> masks = prune_masks(options, 0.6, layers);
  std::vector<std::set<size_t>> rows(2);
  for (size_t i = 0; i < 2; ++i)
    for (const MaskTile& tile : tiles_of(masks[i], 16)) rows[i].insert(tile.rows.size());
  CHECK(rows[0].size() == 1);
  CHECK(rows[1].size() == 1);
  CHECK(*rows[0].begin() % 8 == 0);
  CHECK(std::abs(mask_sparsity(masks) - 0.6) <= 8 * 100 / 19200.0);
}

TEST_CASE("min_keep: every layer keeps so many columns, and rows in one of its tiles") {
  RandomSequence draws({.seed = 10});
  const std::vector<LayerScores> layers = {
      {.name = "weak", .scores = random_scores({40, 50}, draws, 1e-6f)},
      {.name = "strong", .scores = random_scores({64, 200}, draws)}};
  for (const int64_t min_keep : {1, 7}) {
    const Tensor mask = prune_masks({.granularity = 8, .min_keep = min_keep}, 0.7, layers)[0];
    const auto tiles = tiles_of(mask, 8);
    REQUIRE(tiles.size() == 1);
    CHECK(static_cast<int64_t>(tiles[0].columns.size()) == min_keep);
    CHECK(static_cast<int64_t>(tiles[0].rows.size()) == min_keep);
    CHECK(count_kept(prune_masks({.pattern = "ew", .min_keep = min_keep}, 0.7, layers)[0]) ==
          min_keep);
  }
}

TEST_CASE("scores may be negative: what is pruned counts as the lowest") {
  LayerScores layer{.name = "fc", .scores = Tensor::from<float>({-4, -4, -3, -3, -1, -1}, {1, 6})};
  layer.mask = Tensor::from<uint8_t>({1, 1, 1, 1, 1, 1}, {1, 6});
  const PatternOptions options{.pattern = "tw1", .granularity = 1, .k_multiple = 2};
  CHECK(prune_masks(options, 1.0 / 3, {layer})[0].to_vector<uint8_t>() ==
        std::vector<uint8_t>{0, 0, 1, 1, 1, 1});
  layer.mask = Tensor::from<uint8_t>({1, 1, 1, 1, 1, 0}, {1, 6});
  CHECK(prune_masks({.pattern = "bw", .granularity = 2}, 1.0 / 3, {layer})[0]
            .to_vector<uint8_t>()[4] == 1);
}

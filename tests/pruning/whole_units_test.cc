#include "pruning/whole_units.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Axis = UnitAxis::Axis;

/// The query, key, value and output weights of an attention of `heads` heads.
std::vector<LayerScores> attention(int64_t width, int64_t heads, RandomSequence& draws) {
  std::vector<LayerScores> layers;
  for (const char* name : {"query", "key", "value"})
    layers.push_back({.name = name,
                      .scores = random_scores({width, width}, draws),
                      .units = {{"heads", Axis::outputs, heads}}});
  layers.push_back({.name = "output",
                    .scores = random_scores({width, width}, draws),
                    .units = {{"heads", Axis::inputs, heads}}});
  return layers;
}

/// Which heads the mask keeps; -1 where a head is torn.
std::vector<int> kept_heads(const Tensor& mask, int64_t heads, Axis axis) {
  std::vector<int> kept;
  const int64_t size = mask.dim(0) / heads;
  for (int64_t h = 0; h < heads; ++h) {
    int64_t count = 0;
    for (int64_t i = h * size; i < (h + 1) * size; ++i)
      for (int64_t j = 0; j < mask.dim(1); ++j)
        count += axis == Axis::outputs ? at(mask, i, j) : at(mask, j, i);
    kept.push_back(count == 0 ? 0 : count == size * mask.dim(1) ? 1 : -1);
  }
  return kept;
}

}  // namespace

TEST_CASE("a head goes in all weights that share it, the weakest first") {
  RandomSequence draws({.seed = 14});
  std::vector<LayerScores> layers = attention(64, 8, draws);
  // Head 5 is the weakest over all four, though its queries are the strongest.
  for (LayerScores& layer : layers)
    for (int64_t n = 0; n < 64; ++n)
      for (int64_t k = 0; k < 64; ++k) {
        const bool in_head = layer.units[0].axis == Axis::outputs ? n / 8 == 5 : k / 8 == 5;
        if (in_head) layer.scores.data<float>()[n * 64 + k] *= layer.name == "query" ? 2.f : 0.f;
      }
  const std::vector<Tensor> masks = prune_masks({.pattern = "units"}, 0.25, layers);
  CHECK(mask_sparsity(masks) == 0.25);
  const std::vector<int> heads = kept_heads(masks[0], 8, Axis::outputs);
  CHECK(heads[5] == 0);
  CHECK(kept_heads(masks[1], 8, Axis::outputs) == heads);
  CHECK(kept_heads(masks[2], 8, Axis::outputs) == heads);
  CHECK(kept_heads(masks[3], 8, Axis::inputs) == heads);
}

TEST_CASE(
    "channels: the outputs of layers that declare nothing, or those of one and the inputs of "
    "the next") {
  RandomSequence draws({.seed = 15});
  std::vector<LayerScores> layers = {{.name = "a", .scores = random_scores({32, 27}, draws)},
                                     {.name = "b", .scores = random_scores({64, 288}, draws)}};
  for (const Tensor& mask : prune_masks({.pattern = "units"}, 0.5, layers))
    for (int64_t n = 0; n < mask.dim(0); ++n)
      for (int64_t k = 0; k < mask.dim(1); ++k) REQUIRE(at(mask, n, k) == at(mask, n, 0));

  layers[0].units = {{"channels", Axis::outputs, 32}};
  layers[1].units = {{"channels", Axis::inputs, 32}, {"features", Axis::outputs, 64}};
  const std::vector<Tensor> masks = prune_masks({.pattern = "units"}, 0.6, layers);
  CHECK(std::abs(mask_sparsity(masks) - 0.6) < (27 + 9 * 64) / 19296.0);
  for (int64_t c = 0; c < 32; ++c) {
    bool reads = false;
    for (int64_t n = 0; n < 64; ++n)
      for (int64_t k = 9 * c; k < 9 * c + 9; ++k) reads |= at(masks[1], n, k) != 0;
    CHECK(reads == (at(masks[0], c, 0) != 0));
  }
}

TEST_CASE("units that do not fit their layers are named") {
  RandomSequence draws({.seed = 16});
  std::vector<LayerScores> layers = attention(64, 8, draws);
  layers[3].units[0].count = 4;
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "units"}, 0.5, layers),
                       doctest::Contains("as many units 'heads'; got 8 and, for output, 4"),
                       std::invalid_argument);
  layers[3].units[0].count = 7;
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "units"}, 0.5, layers),
                       doctest::Contains("must divide its inputs; got 7 for 64"),
                       std::invalid_argument);
}

TEST_CASE("a head goes in query, key and value where they are one matrix") {
  RandomSequence draws({.seed = 17});
  std::vector<LayerScores> layers = {{.name = "qkv",
                                      .scores = random_scores({96, 32}, draws),
                                      .units = {{"heads", Axis::outputs, 4, 3}}},
                                     {.name = "output",
                                      .scores = random_scores({32, 32}, draws),
                                      .units = {{"heads", Axis::inputs, 4}}}};
  const std::vector<Tensor> masks = prune_masks({.pattern = "units"}, 0.5, layers);
  CHECK(mask_sparsity(masks) == 0.5);
  const std::vector<int> ranges = kept_heads(masks[0], 12, Axis::outputs);
  const std::vector<int> heads = kept_heads(masks[1], 4, Axis::inputs);
  CHECK(std::count(heads.begin(), heads.end(), 0) == 2);
  for (size_t i = 0; i < 12; ++i) CHECK(ranges[i] == heads[i % 4]);
}

TEST_CASE("layers that share units are ranked together and have no bounds") {
  RandomSequence draws({.seed = 19});
  std::vector<LayerScores> layers;
  for (const char* name : {"query", "key"})
    layers.push_back({.name = name,
                      .scores = random_scores({16, 16}, draws),
                      .units = {{"heads", Axis::outputs, 4}}});
  PatternOptions options{.pattern = "units", .scope = "layer"};
  CHECK_THROWS_WITH_AS(
      prune_masks(options, 0.5, layers),
      doctest::Contains("[prune] layers that share units must be ranked together and have no "
                        "bounds of their own; got query and key with scope layer."),
      std::invalid_argument);
  options.scope = "global";
  CHECK(mask_sparsity(prune_masks(options, 0.5, layers)) == 0.5);
  layers[1].max_sparsity = 0.75;
  CHECK_THROWS_WITH_AS(prune_masks(options, 0.5, layers),
                       doctest::Contains("got query and key with bounds."), std::invalid_argument);
  CHECK_THROWS_AS(highest_sparsity(options, layers), std::invalid_argument);
  // Units of one layer alone are its own affair.
  layers[0].units[0].set = "others";
  CHECK(mask_sparsity(prune_masks(options, 0.5, layers)) == 0.5);
}

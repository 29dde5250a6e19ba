#include "pruning/bounds.h"

#include <doctest/doctest.h>

#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Layers of rising scores, so that without bounds the first ones are pruned most.
std::vector<LayerScores> rising_layers(RandomSequence& draws) {
  std::vector<LayerScores> layers;
  for (const float scale : {0.01f, 0.5f, 1.f, 100.f})
    layers.push_back({.name = "fc", .scores = random_scores({64, 128}, draws, scale)});
  return layers;
}

}  // namespace

TEST_CASE("each layer keeps to its bounds and the whole to its sparsity") {
  RandomSequence draws({.seed = 18});
  std::vector<LayerScores> layers = rising_layers(draws);
  for (const std::string pattern : {"ew", "tw", "tw1", "tew", "bw"}) {
    CAPTURE(pattern);
    const PatternOptions options{.pattern = pattern, .granularity = 8};
    for (LayerScores& layer : layers) layer.min_sparsity = 0, layer.max_sparsity = 1;
    const std::vector<Tensor> free = prune_masks(options, 0.6, layers);
    CHECK(mask_sparsity({free[0]}) > 0.95);
    CHECK(mask_sparsity({free[3]}) < 0.1);
    for (LayerScores& layer : layers) layer.min_sparsity = 0.3, layer.max_sparsity = 0.8;
    const std::vector<Tensor> bounded = prune_masks(options, 0.6, layers);
    CHECK(mask_sparsity(bounded) == doctest::Approx(0.6).epsilon(2e-3));
    for (const Tensor& mask : bounded) {
      CHECK(mask_sparsity({mask}) > 0.29);
      CHECK(mask_sparsity({mask}) < 0.81);
    }
    CHECK(mask_sparsity({bounded[1]}) > mask_sparsity({bounded[2]}));
  }
}

TEST_CASE("bounds equal to the sparsity are the scope of a layer") {
  RandomSequence draws({.seed = 19});
  std::vector<LayerScores> layers = rising_layers(draws);
  const auto by_scope = prune_masks({.scope = "layer", .granularity = 8}, 0.5, layers);
  for (LayerScores& layer : layers) layer.min_sparsity = layer.max_sparsity = 0.5;
  const auto by_bounds = prune_masks({.granularity = 8}, 0.5, layers);
  for (size_t i = 0; i < layers.size(); ++i)
    CHECK(mask_sparsity({by_bounds[i]}) ==
          doctest::Approx(mask_sparsity({by_scope[i]})).epsilon(2e-3));
}

TEST_CASE("bounds by name: the first that matches, the minimum in step with the stage") {
  std::vector<LayerScores> layers = {{.name = "a.weight"}, {.name = "b.weight"}, {.name = "c"}};
  layers[2].min_sparsity = 0.1;
  const std::vector<LayerBound> bounds = {parse_layer_bound("^a=0.2..0.5"),
                                          parse_layer_bound("weight$=.."),
                                          parse_layer_bound("weight$=0.4..0.6")};
  set_bounds(bounds, layers, 0.5);
  CHECK(layers[0].min_sparsity == 0.1);
  CHECK(layers[0].max_sparsity == 0.5);
  CHECK(layers[1].min_sparsity == 0);
  CHECK(layers[1].max_sparsity == 1);
  CHECK(layers[2].min_sparsity == 0.1);
  CHECK_THROWS_WITH_AS(set_bounds({parse_layer_bound("^d=..0.5")}, layers),
                       doctest::Contains("got '^d=..0.5' and 3 layers"), std::invalid_argument);
}

TEST_CASE("the highest sparsity is reached by every pattern, and no more is") {
  RandomSequence draws({.seed = 4});
  for (const std::string& pattern : pattern_names()) {
    CAPTURE(pattern);
    std::vector<LayerScores> layers{{.name = "a", .scores = random_scores({48, 96}, draws)},
                                    {.name = "b", .scores = random_scores({32, 64}, draws)}};
    PatternOptions options{.pattern = pattern, .granularity = 16};
    const double highest = highest_sparsity(options, layers);
    CHECK(highest >= (pattern == "nm" ? 0.5 : 0.9));
    CHECK(highest < 1);
    CHECK(mask_sparsity(prune_masks(options, highest, layers)) ==
          doctest::Approx(highest).epsilon(2e-3));
    if (pattern == "vw" || pattern == "nm" || pattern == "tvw") continue;
    layers[0].max_sparsity = 0.5;
    const double bounded = highest_sparsity(options, layers);
    CHECK(bounded < highest);
    CHECK(mask_sparsity({prune_masks(options, bounded, layers)[0]}) < 0.5 + 16.0 * 96 / 4608);
    options.scope = "layer";
    CHECK(highest_sparsity(options, layers) <= 0.5 + 16.0 * 96 / 4608);
  }
}

TEST_CASE("text of bounds") {
  const auto is = [](const char* text, double least, double most) {
    const LayerBound bound = parse_layer_bound(text);
    return bound.least == least && bound.most == most;
  };
  CHECK(is("a=0.25..0.5", 0.25, 0.5));
  CHECK(is("a=..0.5", 0, 0.5));
  CHECK(is("a.b..c=0.5..", 0.5, 1));
  CHECK(is("(?=a)a=1..1", 1, 1));
  for (const char* text : {"", "a", "a=", "a=0.5", "=0..1", "a=0.5..0.4", "a=-1..1", "a=0..2",
                           "a=x..1", "a=0..1x", "a..b", "a=nan..1", "a=0..inf"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(parse_layer_bound(text), doctest::Contains("must be REGEX=MIN..MAX"),
                         std::invalid_argument);
  }
}

TEST_CASE("bounds that leave too little to prune, and bounds that are none") {
  RandomSequence draws({.seed = 20});
  std::vector<LayerScores> layers = rising_layers(draws);
  for (LayerScores& layer : layers) layer.max_sparsity = 0.5;
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "ew"}, 0.6, layers),
                       doctest::Contains("which reaches 0.5"), std::invalid_argument);
  layers[0].min_sparsity = 0.7;
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "ew"}, 0.5, layers),
                       doctest::Contains("must be rising and from 0 to 1; got 0.7 and 0.5"),
                       std::invalid_argument);
  layers[0].min_sparsity = 0;
  layers[0].cost = 0;
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "ew"}, 0.5, layers),
                       doctest::Contains("the cost of a weight of fc must be above 0"),
                       std::invalid_argument);
}

TEST_CASE("dear weights go before cheap ones of the same score, tied layers go together") {
  RandomSequence draws({.seed = 22});
  const Tensor scores = random_scores({64, 128}, draws);
  std::vector<LayerScores> layers = {{.name = "cheap", .scores = scores},
                                     {.name = "dear", .scores = scores.clone(), .cost = 4}};
  for (const char* pattern : {"ew", "tw"}) {
    const std::vector<Tensor> masks =
        prune_masks({.pattern = pattern, .granularity = 8}, 0.5, layers);
    CHECK(mask_sparsity({masks[0]}) < 0.4);
    CHECK(mask_sparsity({masks[1]}) > 0.6);
  }
  const LayerScores other{.name = "other", .scores = random_scores({64, 128}, draws, 10)};
  const std::vector<Tensor> tied =
      prune_masks({.pattern = "ew"}, 0.5,
                  {{.name = "in", .scores = scores}, other, {.name = "out", .scores = scores}});
  CHECK(tied[0].to_vector<uint8_t>() == tied[2].to_vector<uint8_t>());
  CHECK(mask_sparsity({tied[0], tied[1]}) == 0.5);  // counted once
}

TEST_CASE("normalised scores compare layers of different scales") {
  RandomSequence draws({.seed = 23});
  const std::vector<LayerScores> layers = {
      {.name = "small", .scores = random_scores({64, 128}, draws, 0.001f)},
      {.name = "large", .scores = random_scores({64, 128}, draws)}};
  const auto gap = [&](const char* normalize) {
    const std::vector<Tensor> masks =
        prune_masks({.granularity = 8, .normalize = normalize}, 0.5, layers);
    return mask_sparsity({masks[0]}) - mask_sparsity({masks[1]});
  };
  CHECK(gap("none") > 0.9);
  CHECK(std::abs(gap("l2")) < 0.1);
  CHECK(std::abs(gap("max")) < 0.3);
  CHECK_THROWS_WITH_AS(gap("l1"), doctest::Contains("none, l2 or max; got 'l1'"),
                       std::invalid_argument);
}

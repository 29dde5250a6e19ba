// What holds for every pattern.
#include "pruning/pattern.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

LayerScores layer(const std::vector<float>& scores, const Shape& shape) {
  return {.name = "fc.weight", .scores = Tensor::from(scores, shape)};
}

std::vector<uint8_t> pruned(const PatternOptions& options, double sparsity, LayerScores scores) {
  return prune_masks(options, sparsity, {std::move(scores)})[0].to_vector<uint8_t>();
}

}  // namespace

TEST_CASE("ew prunes the lowest scores over all layers") {
  const std::vector<Tensor> masks = prune_masks(
      {.pattern = "ew"}, 0.5, {layer({1, 8, 3, 7}, {2, 2}), layer({2, 4, 6, 5}, {2, 2})});
  CHECK(masks[0].to_vector<uint8_t>() == std::vector<uint8_t>{0, 1, 0, 1});
  CHECK(masks[1].to_vector<uint8_t>() == std::vector<uint8_t>{0, 0, 1, 1});
}

TEST_CASE("scope layer gives every layer the same sparsity") {
  const std::vector<Tensor> masks =
      prune_masks({.pattern = "ew", .scope = "layer"}, 0.5,
                  {layer({1, 2, 3, 4}, {2, 2}), layer({10, 40, 30, 20}, {2, 2})});
  CHECK(masks[0].to_vector<uint8_t>() == std::vector<uint8_t>{0, 0, 1, 1});
  CHECK(masks[1].to_vector<uint8_t>() == std::vector<uint8_t>{0, 1, 1, 0});
}

TEST_CASE("ew orders negative and tiny scores, and ties by index") {
  const PatternOptions ew{.pattern = "ew"};
  CHECK(pruned(ew, 0.5, layer({-1, 1e-30f, -2, 0}, {2, 2})) == std::vector<uint8_t>{0, 1, 0, 1});
  CHECK(pruned(ew, 0.5, layer({1, 1, 1, 1}, {2, 2})) == std::vector<uint8_t>{0, 0, 1, 1});
  CHECK(pruned(ew, 0.5, layer({0.f, -0.f, 0.f, 5}, {2, 2})) == std::vector<uint8_t>{0, 0, 1, 1});
}

TEST_CASE("a layer keeps its best unit whatever its scores") {
  const std::vector<Tensor> ew = prune_masks(
      {.pattern = "ew"}, 0.5, {layer({.1f, .3f, .2f, .1f}, {2, 2}), layer({5, 6, 7, 8}, {2, 2})});
  CHECK(ew[0].to_vector<uint8_t>() == std::vector<uint8_t>{0, 1, 0, 0});
  CHECK(ew[1].to_vector<uint8_t>() == std::vector<uint8_t>{0, 1, 1, 1});

  RandomSequence draws({.seed = 1});
  const std::vector<LayerScores> layers = {
      {.name = "weak", .scores = random_scores({16, 24}, draws, 1e-6f)},
      {.name = "strong", .scores = random_scores({32, 64}, draws)}};
  for (const Tensor& mask : prune_masks({.granularity = 8}, 0.9, layers))
    CHECK(count_kept(mask) > 0);
}

TEST_CASE("sparsity 0 prunes nothing") {
  for (const std::string& pattern : pattern_names())
    CHECK(pruned({.pattern = pattern}, 0, layer({0, 0, 0, 0}, {2, 2})) ==
          std::vector<uint8_t>{1, 1, 1, 1});
}

TEST_CASE("pruned weights stay pruned and count, though their scores are the best") {
  LayerScores scores = layer({9, 9, 3, 4, 5, 6, 7, 8}, {2, 4});
  scores.mask = Tensor::from<uint8_t>({0, 0, 1, 1, 1, 1, 1, 1}, {2, 4});
  CHECK(pruned({.pattern = "ew"}, 0.5, scores) == std::vector<uint8_t>{0, 0, 0, 0, 1, 1, 1, 1});
  // Rows 0 and 1 of the tile of both columns: their means are 2.5 and 3, of rows 2 and 3 5 and 6.
  CHECK(pruned({.granularity = 2}, 0.5, scores) == std::vector<uint8_t>{0, 0, 1, 1, 0, 0, 1, 1});
}

TEST_CASE("mistakes are named") {
  const LayerScores good = layer({1, 2, 3, 4}, {2, 2});
  const auto message = [&](const PatternOptions& options, double sparsity, LayerScores scores) {
    try {
      prune_masks(options, sparsity, {std::move(scores)});
    } catch (const std::invalid_argument& error) {
      return doctest::String(error.what());
    }
    return doctest::String("no error");
  };
  using doctest::Contains;
  CHECK(message({.pattern = "wt"}, .5, good) ==
        "[prune] pattern must be one of tw, tw1, tew, tvw, ew, vw, nm, bw, units; got 'wt'.");
  CHECK(message({.scope = "row"}, .5, good) == "[prune] scope must be global or layer; got 'row'.");
  CHECK(message({}, 1.0, good) == "[prune] sparsity must be at least 0 and below 1; got 1.");
  CHECK(message({.granularity = -1}, .5, good) ==
        "[prune] granularity must be at least 1; got -1.");
  CHECK(message({.min_keep = 0}, .5, good) == "[prune] min_keep must be at least 1; got 0.");
  CHECK(message({.k_multiple = 0}, .5, good) == "[prune] k_multiple must be at least 1; got 0.");
  CHECK(message({.split = 2}, .5, good) ==
        "[prune] split must be from 0 (rows only) to 1 (columns only), or auto; got 2.");
  CHECK(message({}, .5, {.name = "conv"}) ==
        Contains("the scores of conv must be f32 [out, K], row-major; got an undefined tensor"));
  CHECK(message({}, .5, layer({1, 2}, {2})) == Contains("got f32[2]"));
  CHECK(message({}, .5, layer({1, std::numeric_limits<float>::quiet_NaN(), 3, 4}, {2, 2})) ==
        Contains("must be finite; got nan at element 1"));
  LayerScores odd = good;
  odd.groups = 3;
  CHECK(message({}, .5, odd) == Contains("got 2 outputs and 3 groups"));
  LayerScores masked = good;
  masked.mask = Tensor::from<uint8_t>({1, 1}, {1, 2});
  CHECK(message({}, .5, masked) == Contains("the mask of fc.weight must be u8 [2, 2]"));
  masked.mask = Tensor::from<uint8_t>({0, 0, 0, 1}, {2, 2});
  CHECK(message({.pattern = "ew"}, .25, masked) ==
        Contains("pruned weights stay pruned; got 0.25 for ew on the 4 weights of fc.weight, "
                 "which are at 0.75"));
}

TEST_CASE("a sparsity that a pattern cannot reach is an error that says how far it goes") {
  RandomSequence draws({.seed = 3});
  std::vector<LayerScores> layers(4);
  for (LayerScores& l : layers) l = {.name = "fc", .scores = random_scores({8, 32}, draws)};
  // Each layer keeps one bundle of 32 rows of at least one output.
  CHECK_THROWS_WITH_AS(prune_masks({.granularity = 1, .k_multiple = 32}, 0.99, layers),
                       doctest::Contains("which reaches 0.875. Change the sparsity"),
                       std::invalid_argument);
}

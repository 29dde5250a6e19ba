#include "pruning/regrow.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace tessera;

namespace {

/// Two layers; G = 2. Layer a keeps columns 0, 2 and 3: tiles {0, 2} and {3}; row 1 of the first
/// and rows 0 and 2 of the second are pruned. Layer b has lost columns 0 and 1.
std::vector<LayerScores> example() {
  return {{.name = "a",
           .scores = Tensor::from<float>({5, 6, 5,  //
                                          1, 1, 4,  //
                                          5, 2, 5,  //
                                          3, 9, 5},
                                         {4, 3}),
           .mask = Tensor::from<uint8_t>({1, 0, 1,  //
                                          0, 0, 0,  //
                                          1, 0, 1,  //
                                          0, 1, 0},
                                         {4, 3})},
          {.name = "b",
           .scores = Tensor::from<float>({2, 2, 2,  //
                                          7, 0, 0,  //
                                          1, 1, 1},
                                         {3, 3}),
           .mask = Tensor::from<uint8_t>({0, 0, 0,  //
                                          0, 0, 0,  //
                                          1, 1, 1},
                                         {3, 3})}};
}

using Mask = std::vector<uint8_t>;

}  // namespace

TEST_CASE("the share of columns and of rows with the largest mean score comes back") {
  // Columns: b1 (7/3), then a1 (2) before b0 (2). Rows: tile {3} row 2 (5), tile {0, 2} row 1 (4),
  // tile {3} row 0 (3).
  struct Case {
    double share;
    Mask a, b;
  };
  const Case cases[] = {
      {0, {1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0}, {0, 0, 0, 0, 0, 0, 1, 1, 1}},
      {0.34, {1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 1}, {0, 0, 0, 1, 1, 1, 1, 1, 1}},
      {0.67, {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1}, {0, 0, 0, 1, 1, 1, 1, 1, 1}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.share);
    const auto layers = example();
    const auto masks = regrown_masks(c.share, 2, layers);
    CHECK(masks[0].to_vector<uint8_t>() == c.a);
    CHECK(masks[1].to_vector<uint8_t>() == c.b);
    // What was given is left as it was.
    CHECK(layers[1].mask.to_vector<uint8_t>() == cases[0].b);
  }
}

TEST_CASE("tiles do not cross groups when rows come back") {
  // Two groups of two columns, G = 4: tiles {0, 1} and {2, 3}, row 0 pruned in both.
  const LayerScores layer{.name = "c",
                          .scores = Tensor::from<float>({1, 0, 1, 0, 2, 0, 2, 0}, {4, 2}),
                          .groups = 2,
                          .mask = Tensor::from<uint8_t>({0, 1, 0, 1, 0, 1, 0, 1}, {4, 2})};
  CHECK(regrown_masks(0.5, 4, {layer})[0].to_vector<uint8_t>() == Mask{0, 1, 0, 1, 1, 1, 1, 1});
}

TEST_CASE("what has no gradient stays pruned") {
  const LayerScores layer{.name = "e",
                          .scores = Tensor::from<float>({0, 0, 0, 1, 9, 9}, {3, 2}),
                          .mask = Tensor::from<uint8_t>({0, 0, 0, 0, 1, 1}, {3, 2})};
  CHECK(regrown_masks(0.99, 2, {layer})[0].to_vector<uint8_t>() == Mask{0, 0, 1, 1, 1, 1});
}

TEST_CASE("nothing is pruned, nothing comes back; impossible shares are errors") {
  LayerScores layer{.name = "d", .scores = Tensor::from<float>({1, 2}, {2, 1})};
  CHECK(regrown_masks(0.9, 2, {layer})[0].to_vector<uint8_t>() == Mask{1, 1});
  for (const double share : {-0.1, 1.0})
    CHECK_THROWS_WITH_AS(regrown_masks(share, 2, {layer}),
                         doctest::Contains("[regrow] the share must be at least 0 and below 1"),
                         std::invalid_argument);
  CHECK_THROWS_AS(regrown_masks(0.1, 0, {layer}), std::invalid_argument);
}

TEST_CASE("a weight that came back is scored as the mean of the kept ones") {
  const Tensor scores = Tensor::from<float>({1, 9, 3, 9}, {2, 2});
  const Tensor before = Tensor::from<uint8_t>({1, 0, 1, 0}, {2, 2});
  const Tensor after = Tensor::from<uint8_t>({1, 1, 1, 0}, {2, 2});
  CHECK(scores_with_regrown(scores, before, after).to_vector<float>() ==
        std::vector<float>{1, 2, 3, 9});
  CHECK(scores.to_vector<float>() == std::vector<float>{1, 9, 3, 9});
}

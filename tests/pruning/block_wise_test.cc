#include "pruning/block_wise.h"

#include <doctest/doctest.h>

#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("bw prunes the blocks of the lowest mean score") {
  // Blocks of 2 x 2, the last column of blocks 2 x 1: means 4, 1, 3 and 2, 5, 6.
  const Tensor scores =
      Tensor::from<float>({4, 4, 1, 1, 3, 4, 4, 1, 1, 3, 2, 2, 5, 5, 6, 2, 2, 5, 5, 6}, {4, 5});
  const Tensor mask =
      prune_masks({.pattern = "bw", .granularity = 2}, 0.5, {{.name = "fc", .scores = scores}})[0];
  CHECK(mask.to_vector<uint8_t>() == std::vector<uint8_t>{1, 1, 0, 0, 0, 1, 1, 0, 0, 0,  //
                                                          0, 0, 1, 1, 1, 0, 0, 1, 1, 1});
}

TEST_CASE("bw blocks are whole, do not cross groups and count what is pruned already") {
  RandomSequence draws({.seed = 6});
  LayerScores layer{.name = "conv", .scores = random_scores({60, 50}, draws), .groups = 3};
  for (const double sparsity : {0.4, 0.7}) {
    const Tensor mask = prune_masks({.pattern = "bw", .granularity = 16}, sparsity, {layer})[0];
    CHECK(std::abs(mask_sparsity({mask}) - sparsity) <= 256.0 / 3000);
    for (int64_t n = 0; n < 60; ++n)
      for (int64_t k = 0; k < 50; ++k)
        REQUIRE(at(mask, n, k) == at(mask, n / 20 * 20 + n % 20 / 16 * 16, k / 16 * 16));
    layer.mask = mask;
    layer.scores = random_scores({60, 50}, draws);
  }
}

#include "pruning/vector_wise.h"

#include <doctest/doctest.h>

#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("vw keeps the best n of each vector along K") {
  const Tensor scores =
      Tensor::from<float>({4, 1, 3, 2, 5, 5, 5, 5, 1, 2, 3, 4, 8, 6, 7, 5}, {2, 8});
  const Tensor mask =
      prune_masks({.pattern = "vw", .granularity = 4}, 0.5, {{.name = "fc", .scores = scores}})[0];
  // Of equal weights the earlier ones go.
  CHECK(mask.to_vector<uint8_t>() ==
        std::vector<uint8_t>{1, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 0});
  CHECK(mask.to_vector<uint8_t>() ==
        prune_masks({.pattern = "nm"}, 0.5, {{.name = "fc", .scores = scores}})[0]
            .to_vector<uint8_t>());
}

TEST_CASE("vw: shorter last vectors keep their share, met to a weight over all layers") {
  RandomSequence draws({.seed = 3});
  std::vector<LayerScores> layers;
  for (const Shape& shape : {Shape{31, 27}, Shape{8, 5}, Shape{12, 16}, Shape{40, 50}})
    layers.push_back({.name = "fc", .scores = random_scores(shape, draws)});
  const std::vector<Tensor> masks = prune_masks({.pattern = "vw"}, 0.625, layers);
  int64_t zeros = 0, total = 0;
  for (const Tensor& mask : masks) {
    zeros += mask.numel() - count_kept(mask);
    total += mask.numel();
    for (int64_t n = 0; n < mask.dim(0); ++n)
      for (int64_t k = 0; k < mask.dim(1); k += 16) {
        const int64_t size = std::min<int64_t>(16, mask.dim(1) - k);
        int64_t kept = 0;
        for (int64_t j = k; j < k + size; ++j) kept += at(mask, n, j);
        CHECK(kept >= size * 6 / 16);
        CHECK(kept <= (size * 6 + 15) / 16);
      }
  }
  CHECK(zeros == std::llround(0.625 * static_cast<double>(total)));
}

TEST_CASE("vw: vectors go on from masks, and a layer of short vectors does not die") {
  RandomSequence draws({.seed = 5});
  LayerScores layer{.name = "fc", .scores = random_scores({16, 64}, draws)};
  layer.mask = prune_masks({.pattern = "vw"}, 0.5, {layer})[0];
  const Tensor mask = prune_masks({.pattern = "vw"}, 0.75, {layer})[0];
  CHECK(mask_sparsity({mask}) == 0.75);
  for (int64_t e = 0; e < mask.numel(); ++e)
    CHECK(mask.data<uint8_t>()[e] <= layer.mask.data<uint8_t>()[e]);

  const Tensor thin = prune_masks({.pattern = "vw"}, 0.9375,
                                  {{.name = "thin", .scores = random_scores({9, 1}, draws, 1e-6f)},
                                   {.name = "wide", .scores = random_scores({64, 64}, draws)}})[0];
  CHECK(count_kept(thin) >= 1);
}

TEST_CASE("vw and nm say which sparsities they can have") {
  const LayerScores layer{.name = "fc", .scores = Tensor::full({16, 64}, 1)};
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "vw"}, 0.9, {layer}),
                       "[prune] the sparsity of vw must be one that it can have, multiples of 1/16 "
                       "below 1; got 0.9. The nearest is 0.875.",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "nm"}, 0.75, {layer}),
                       doctest::Contains("exactly 0.5; got 0.75. The nearest is 0.5."),
                       std::invalid_argument);
  CHECK(mask_sparsity(prune_masks({.pattern = "vw", .granularity = 10}, 0.9, {layer})) ==
        doctest::Approx(0.9).epsilon(1e-3));
}

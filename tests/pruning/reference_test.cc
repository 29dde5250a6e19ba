// The reference variant against the masks of the paper's artifact in $TESSERA_REFERENCE.
#include "pruning/reference.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "framework/io/safetensors.h"
#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// [K, N] as [N, K]: the reference file has inputs first.
template <class T>
Tensor transposed(const Tensor& x) {
  Tensor y = Tensor::empty({x.dim(1), x.dim(0)}, {.dtype = x.dtype()});
  for (int64_t k = 0; k < x.dim(0); ++k)
    for (int64_t n = 0; n < x.dim(1); ++n)
      y.data<T>()[n * x.dim(0) + k] = x.data<T>()[k * x.dim(1) + n];
  return y;
}

/// "mask.tw2.s75.g32.0": pattern, sparsity, and the granularity of its options.
struct CaseName {
  PatternOptions options;
  double sparsity = 0;
  int layer = 0;

  explicit CaseName(const std::string& name) {
    std::vector<std::string> parts;
    std::istringstream in(name);
    for (std::string part; std::getline(in, part, '.');) parts.push_back(part);
    const std::string& pattern = parts[1];
    options = {.pattern = pattern, .variant = "reference"};
    if (pattern == "bw32") options.pattern = "bw", options.granularity = 32;
    if (pattern == "tw2") options.pattern = "tw";
    if (pattern == "tw2m") options.pattern = "tew";
    sparsity = std::stod(parts[2].substr(1)) / 100;
    if (parts.size() == 5) options.granularity = std::stoll(parts[3].substr(1));
    layer = std::stoi(parts.back());
  }
};

/// Empty, with a message, where the reference masks are not at hand.
TensorMap reference_tensors() {
  const char* folder = std::getenv("TESSERA_REFERENCE");
  if (folder == nullptr) {
    MESSAGE("skipped: reference masks (TESSERA_REFERENCE is not set)");
    return {};
  }
  return read_safetensors(std::filesystem::path(folder) / "tw_reference_masks.safetensors").tensors;
}

std::vector<LayerScores> reference_layers(const TensorMap& tensors) {
  std::vector<LayerScores> layers;
  for (int i = 0; tensors.contains(concat("scores.", i)); ++i)
    layers.push_back({.name = concat("scores.", i),
                      .scores = transposed<float>(tensors.at(concat("scores.", i)))});
  return layers;
}

double weights_of(const std::vector<LayerScores>& layers) {
  double count = 0;
  for (const LayerScores& layer : layers) count += static_cast<double>(layer.scores.numel());
  return count;
}

double kept_score_of(const std::vector<Tensor>& masks, const std::vector<LayerScores>& layers) {
  double sum = 0;
  for (size_t i = 0; i < masks.size(); ++i)
    for (int64_t e = 0; e < masks[i].numel(); ++e)
      sum += masks[i].data<uint8_t>()[e] * layers[i].scores.data<float>()[e];
  return sum;
}

}  // namespace

TEST_CASE("reference masks are matched bit for bit") {
  const TensorMap tensors = reference_tensors();
  if (tensors.empty()) return;
  const std::vector<LayerScores> layers = reference_layers(tensors);
  REQUIRE(layers.size() == 4);

  int checked = 0;
  for (const auto& [name, mask] : tensors) {
    if (!name.starts_with("mask.") || !name.ends_with(".0")) continue;
    CAPTURE(name);
    const CaseName test(name);
    const std::vector<Tensor> masks = prune_masks(test.options, test.sparsity, layers);
    for (size_t i = 0; i < masks.size(); ++i) {
      const Tensor& wanted = tensors.at(concat(name.substr(0, name.size() - 1), i));
      CHECK((masks[i].to_vector<uint8_t>() == transposed<uint8_t>(wanted).to_vector<uint8_t>()));
      ++checked;
    }
  }
  CHECK(checked == 140);
}

TEST_CASE("the exact variant keeps more score than the reference at the reference's own sparsity") {
  RandomSequence draws({.seed = 21});
  std::vector<LayerScores> random;
  for (const Shape& shape : {Shape{40, 72}, Shape{96, 144}, Shape{128, 256}, Shape{200, 128}})
    random.push_back({.name = "fc", .scores = random_scores(shape, draws)});
  for (const std::vector<LayerScores>& layers : {random, reference_layers(reference_tensors())}) {
    if (layers.empty()) continue;
    for (const std::string pattern : {"ew", "bw", "tw1", "tw", "tew"})
      for (const double sparsity : {0.25, 0.5, 0.75, 0.9})
        for (const int64_t granularity : {16, 32, 64}) {
          // Larger blocks are too few here to prune as many weights as the reference does.
          if (pattern == "bw" && granularity > 16) continue;
          CAPTURE(pattern);
          CAPTURE(sparsity);
          CAPTURE(granularity);
          PatternOptions options{
              .pattern = pattern, .variant = "reference", .granularity = granularity};
          const std::vector<Tensor> reference = prune_masks(options, sparsity, layers);
          options.variant = "exact";
          // Half a unit more, so that exact prunes no less.
          const int64_t unit = pattern == "bw"                       ? granularity * granularity
                               : pattern == "ew" || pattern == "tew" ? 0
                                                                     : granularity;
          const double more = 0.5 * static_cast<double>(unit) / weights_of(layers);
          const std::vector<Tensor> exact =
              prune_masks(options, mask_sparsity(reference) + more, layers);
          CHECK(mask_sparsity(exact) >= mask_sparsity(reference));
          const double kept = kept_score_of(exact, layers);
          const double kept_by_reference = kept_score_of(reference, layers);
          if (pattern == "ew")
            CHECK(kept == kept_by_reference);  // there is but one best mask
          else
            CHECK(kept > kept_by_reference);
        }
  }
}

TEST_CASE("reference variant: pruned weights stay pruned, unknown patterns are named") {
  LayerScores layer{.name = "fc", .scores = Tensor::from<float>({9, 1, 2, 3, 4, 5, 6, 7}, {2, 4})};
  layer.mask = Tensor::from<uint8_t>({0, 1, 1, 1, 1, 1, 1, 1}, {2, 4});
  const Tensor mask =
      prune_masks({.pattern = "tew", .variant = "reference", .granularity = 1, .delta = 0.25}, 0.25,
                  {layer})[0];
  CHECK(at(mask, 0, 0) == 0);
  CHECK_THROWS_WITH_AS(prune_masks({.pattern = "nm", .variant = "reference"}, 0.5, {layer}),
                       doctest::Contains("ew, vw, bw, tw1, tw, tew; got 'nm'"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(prune_masks({.variant = "paper"}, 0.5, {layer}),
                       doctest::Contains("variant must be exact or reference; got 'paper'"),
                       std::invalid_argument);
}

// What holds for every pattern, on random networks: the sparsity is met, the structure is the
// pattern's, no layer dies, what is pruned stays pruned, and the threads make no difference.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/backend/cpu.h"
#include "tests/pruning/random_layers.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

// Sanitizers multiply the time; they need fewer.
#ifdef __SANITIZE_ADDRESS__
constexpr uint32_t kNetworks = 100;
#else
constexpr uint32_t kNetworks = 1000;
#endif

struct Network {
  PatternOptions options;
  std::vector<LayerScores> layers;
  int64_t weights = 0;

  explicit Network(RandomSequence& draws) {
    const std::vector<std::string> names = pattern_names();
    options.pattern = names[draws.below(static_cast<uint32_t>(names.size()))];
    options.granularity = 1 + draws.below(40);
    if (options.pattern == "vw") options.granularity = draws.below(2) == 0 ? 8 : 20;
    options.k_multiple = draws.below(3) == 0 ? 1 + draws.below(8) : 1;
    options.balanced = draws.below(4) == 0;
    options.min_keep = draws.below(4) == 0 ? 1 + draws.below(4) : 1;
    if (draws.below(3) == 0) options.split = draws.below(4) == 0 ? kAutoSplit : draws.uniform();
    if (draws.below(4) == 0)
      options.apriori = {.columns = {0.3 * draws.uniform(), 0.1}, .rows = {0.2, 0.1}};
    if (draws.below(4) == 0) options.normalize = "l2";
    layers.resize(1 + draws.below(5));
    const bool has_ties = draws.below(4) == 0;
    for (LayerScores& layer : layers) {
      layer.name = "layer";
      layer.groups = draws.below(3) == 0 ? 2 : 1;
      const Shape shape{layer.groups * (1 + draws.below(50)), 1 + draws.below(120)};
      layer.scores = random_scores(shape, draws, 0.1f + draws.uniform());
      for (int64_t e = 0; has_ties && e < shape.numel(); ++e)
        layer.scores.data<float>()[e] = std::round(layer.scores.data<float>()[e]);
      weights += shape.numel();
    }
  }

  bool is(std::initializer_list<const char*> names) const {
    return std::find(names.begin(), names.end(), options.pattern) != names.end();
  }

  /// Sparsities that the pattern can have, one a stage.
  std::vector<double> stages() const {
    if (options.pattern == "nm") return {0.5};
    if (options.pattern == "tvw") return {0.5, 0.65, 0.8};
    if (options.pattern == "vw") return {0.25, 0.5, 0.75};
    return {0.3, 0.55, 0.75};
  }

  /// Weights of the largest unit, from the text of DESIGN rather than from the code.
  int64_t unit() const {
    if (is({"ew", "vw", "nm", "tew"})) return 1;
    int64_t largest = 1;
    for (const LayerScores& layer : layers) {
      const int64_t outputs = layer.scores.dim(0), inputs = layer.scores.dim(1);
      const int64_t g = std::min(options.granularity, outputs / layer.groups);
      const int64_t rows =
          options.pattern == "tvw" ? (options.k_multiple + 3) / 4 * 4 : options.k_multiple;
      const int64_t size = options.pattern == "bw"      ? g * std::min(options.granularity, inputs)
                           : options.pattern == "units" ? inputs
                           : options.balanced           ? outputs * std::min(rows, inputs)
                                                        : g * std::min(rows, inputs);
      largest = std::max(largest, size);
    }
    return largest;
  }
};

int64_t kept_in(const Tensor& mask, int64_t n, int64_t begin, int64_t end) {
  int64_t kept = 0;
  for (int64_t k = begin; k < std::min(end, mask.dim(1)); ++k) kept += at(mask, n, k);
  return kept;
}

/// Of masks that were pruned once.
void check_structure(const Network& net, double sparsity, const LayerScores& layer,
                     const Tensor& mask) {
  const int64_t outputs = mask.dim(0), inputs = mask.dim(1), g = net.options.granularity;
  const int64_t group_size = outputs / layer.groups;
  if (net.is({"tw", "tw1"}))
    for (const MaskTile& tile : tiles_of(mask, g, layer.groups)) {
      const int64_t rows = static_cast<int64_t>(tile.rows.size());
      REQUIRE(tile.kept == rows * static_cast<int64_t>(tile.columns.size()));
      REQUIRE((rows % net.options.k_multiple == 0 || rows == inputs));
    }
  for (int64_t n = 0; n < outputs; ++n) {
    if (net.is({"vw", "nm"})) {
      const int64_t v = net.options.pattern == "nm" ? 4 : g;
      const double kept = (1 - sparsity) * static_cast<double>(v);
      for (int64_t k = 0; k < inputs; k += v) {
        const double share =
            kept * static_cast<double>(std::min(v, inputs - k)) / static_cast<double>(v);
        REQUIRE(std::abs(static_cast<double>(kept_in(mask, n, k, k + v)) - share) < 1);
      }
    }
    if (net.is({"tvw"}))
      for (int64_t k = 0; k < inputs; k += 4) REQUIRE(kept_in(mask, n, k, k + 4) <= 2);
    if (net.is({"units"})) {
      const int64_t kept = kept_in(mask, n, 0, inputs);
      REQUIRE((kept == 0 || kept == inputs));
    }
    if (net.is({"bw"}))
      for (int64_t k = 0; k < inputs; ++k)
        REQUIRE(at(mask, n, k) ==
                at(mask, n / group_size * group_size + n % group_size / g * g, k / g * g));
  }
}

/// Empty where the sparsity cannot be reached with layers this small, which the error must say.
std::vector<Tensor> prune_or_explain(const Network& net, double sparsity) {
  try {
    return prune_masks(net.options, sparsity, net.layers);
  } catch (const std::invalid_argument& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find("which reaches") != std::string::npos);
    int64_t floor = 0;  // what layers of a few units keep
    for (const LayerScores& layer : net.layers)
      floor += net.options.min_keep * std::max(net.unit(), layer.scores.dim(1));
    CHECK(net.weights < 20 * floor);
    return {};
  }
}

std::vector<Tensor> on_one_thread(const Network& net, double sparsity) {
  const int threads = cpu().threads();
  cpu().set_threads(threads == 1 ? 3 : 1);
  const std::vector<Tensor> masks = prune_or_explain(net, sparsity);
  cpu().set_threads(threads);
  return masks;
}

}  // namespace

TEST_CASE("1,000 random networks reach their sparsities within 0.1 point or one unit") {
  int reached = 0, tried = 0;
  for (uint32_t i = 0; i < kNetworks; ++i) {
    RandomSequence draws({.seed = 7, .step = i});
    Network net(draws);
    CAPTURE(i);
    CAPTURE(net.options.pattern);
    const double allowed =
        std::max(1e-3, static_cast<double>(net.unit()) / static_cast<double>(net.weights));
    bool is_first = true;
    for (const double sparsity : net.stages()) {
      ++tried;
      const std::vector<Tensor> masks = prune_or_explain(net, sparsity);
      if (masks.empty()) break;
      ++reached;
      CHECK(std::abs(mask_sparsity(masks) - sparsity) <= allowed);
      const std::vector<Tensor> again = on_one_thread(net, sparsity);
      for (size_t l = 0; l < net.layers.size(); ++l) {
        LayerScores& layer = net.layers[l];
        REQUIRE(masks[l].to_vector<uint8_t>() == again[l].to_vector<uint8_t>());
        CHECK(count_kept(masks[l]) > 0);
        if (is_first) check_structure(net, sparsity, layer, masks[l]);
        if (layer.mask.defined())
          for (int64_t e = 0; e < masks[l].numel(); ++e)
            REQUIRE(masks[l].data<uint8_t>()[e] <= layer.mask.data<uint8_t>()[e]);
        layer.mask = masks[l];
        layer.scores = random_scores(layer.scores.shape(), draws);
      }
      is_first = false;
    }
  }
  MESSAGE(reached, " of ", tried, " sparsities reached; the others are of layers of a few units");
  CHECK(reached > 9 * tried / 10);
}

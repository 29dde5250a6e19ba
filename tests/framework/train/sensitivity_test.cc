#include "framework/train/sensitivity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
#include "framework/train/pruner.h"
#include "layers/models/make_model.h"
#include "tests/temporary_folder.h"

using namespace tessera;
using tessera::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

Config glyphs(const std::string& more = "") {
  return parse_config(
      "data:  {type: glyphs, validation: 0.25, train_samples: 256, test_samples: 32}\n"
      "model: {type: mlp, hidden: [32, 24]}\n"
      "prune: {pattern: tw, granularity: 8, sparsity: 0.7}\n" +
          more,
      "test");
}

/// A model for the glyphs that has learnt nothing, as a dense file.
fs::path write_model(const TemporaryFolder& scratch, const ModelConfig& config = glyphs().model) {
  ModelCard card;
  card.model = config;
  card.model.num_classes = 36;
  card.model.in_channels = 1;
  card.model.image_size = 32;
  card.dataset = "glyphs";
  card.channels = 1;
  card.height = card.width = 32;
  const auto model = make_model(card.model, {1, 32, 32, 36}, 3);
  const fs::path path = scratch.path() / "dense.safetensors";
  write_model_file(path, *model, card, {}, {.format = ExportFormat::dense});
  return path;
}

}  // namespace

TEST_CASE("every prunable layer is scanned alone and left as it was") {
  const TemporaryFolder scratch;
  SensitivityOptions options{.from = write_model(scratch)};
  options.sparsities = {0, 0.5, 0.75};
  options.max_drop = 1;
  const Sensitivity result = scan_sensitivity(glyphs(), options);
  CHECK(result.samples == 64);
  CHECK(result.rule_sparsity == 0.75);
  REQUIRE(result.layers.size() == 3);
  CHECK(result.layers[0].weights == 32 * 32 * 32);
  for (const LayerSensitivity& layer : result.layers) {
    REQUIRE(layer.scores.size() == 3);
    CHECK(layer.scores[0] == result.score);  // also says that the layer before was restored
    CHECK_FALSE(layer.suggests_exclusion);
  }
}

TEST_CASE("bounds of layers are of the whole network: a layer is scanned without them") {
  const TemporaryFolder scratch;
  const SensitivityOptions options{.from = write_model(scratch), .sparsities = {0.25, 0.9}};
  Config config = glyphs();
  config.prune.layer_bounds = {"^1.weight$=0.3..0.8"};
  const Sensitivity result = scan_sensitivity(config, options);
  for (const LayerSensitivity& layer : result.layers)
    for (const double score : layer.scores) CHECK_FALSE(std::isnan(score));
}

TEST_CASE("heads are scanned an attention at a time, and excluded with all of its weights") {
  const TemporaryFolder scratch;
  Config config = parse_config(
      "data:  {type: glyphs, validation: 0.25, train_samples: 128, test_samples: 32}\n"
      "model: {type: vit, hidden_size: 32, num_layers: 2, num_heads: 4, patch_size: 8}\n"
      "prune: {pattern: units, units: heads, sparsity: 0.5}\n",
      "test");
  SensitivityOptions options{.from = write_model(scratch, config.model), .sparsities = {0.25, 0.5}};
  const Sensitivity result = scan_sensitivity(config, options);
  REQUIRE(result.layers.size() == 2);
  const auto model = make_model(config.model, {1, 32, 32, 36});
  const size_t num_weights = select_layers_of(config.prune, *model).pruned.size();
  for (const LayerSensitivity& layer : result.layers) {
    CHECK(layer.weights == 4 * 32 * 32);
    for (const double score : layer.scores) CHECK_FALSE(std::isnan(score));
    // As it is suggested, it leaves the other attention to be pruned, whole.
    config.prune.exclude = {layer.regex};
    CHECK(2 * select_layers_of(config.prune, *model).pruned.size() == num_weights);
  }
  config.prune.units = "channels";
  options.from = write_model(scratch);
  CHECK_THROWS_WITH_AS(scan_sensitivity(config, options),
                       doctest::Contains("got channels for a model without convolutions"),
                       std::invalid_argument);
}

TEST_CASE("the suggestion is an override of the config, and the file has the numbers") {
  const TemporaryFolder scratch;
  Sensitivity result{.score = 0.9, .samples = 100, .rule_sparsity = 0.75, .layers = {}};
  result.layers = {{"fc.0.weight", "^fc\\.0\\.weight$", 10, {0.9, 0.5}, true},
                   {"fc.2.weight", "^fc\\.2\\.weight$", 20, {0.9, NAN}, false}};
  const SensitivityOptions options{.from = "m", .sparsities = {0.5, 0.75}};
  const std::string table = sensitivity_table(result, options);
  CHECK(table.find("prune.exclude=\"['^fc\\.0\\.weight$']\"") != table.npos);
  CHECK(table.find("more than 2 points") != table.npos);
  // What is suggested is a config.
  CHECK(parse_config("data: {type: glyphs}\nmodel: {type: mlp}\nprune: {}", "test",
                     {"prune.exclude=['^fc\\.0\\.weight$']"})
            .prune.exclude == std::vector<std::string>{"^fc\\.0\\.weight$"});

  write_sensitivity(scratch.path() / "out.json", result, options);
  std::ifstream in(scratch.path() / "out.json");
  const auto json = nlohmann::json::parse(in);
  CHECK(json["layers"][0]["exclude"] == true);
  CHECK(json["layers"][1]["scores"][1].is_null());
  CHECK(json["exclude"] == std::vector<std::string>{"^fc\\.0\\.weight$"});
}

TEST_CASE("what a scan needs is said before it starts") {
  const TemporaryFolder scratch;
  const SensitivityOptions options{.from = write_model(scratch)};
  Config config = glyphs();
  config.data.validation = 0;
  CHECK_THROWS_WITH_AS(scan_sensitivity(config, options),
                       doctest::Contains("data.validation must be above 0"), std::invalid_argument);
  config = glyphs();
  config.has_prune = false;
  CHECK_THROWS_AS(scan_sensitivity(config, options), std::invalid_argument);
}

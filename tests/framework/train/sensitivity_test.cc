#include "framework/train/sensitivity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
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
fs::path write_model(const TemporaryFolder& scratch, const std::vector<int64_t>& hidden) {
  ModelCard card;
  card.model.type = "mlp";
  card.model.hidden = hidden;
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
  SensitivityOptions options{.from = write_model(scratch, {32, 24})};
  options.sparsities = {0, 0.5, 0.75};
  options.max_drop = 1;
  const Sensitivity result = scan_sensitivity(glyphs(), options);
  CHECK(result.samples == 64);
  CHECK(result.rule_sparsity == 0.75);
  REQUIRE(result.layers.size() == 3);
  CHECK(result.layers[0].weights == 32 * 32 * 32);
  for (const LayerSensitivity& layer : result.layers) {
    REQUIRE(layer.accuracy.size() == 3);
    CHECK(layer.accuracy[0] == result.accuracy);  // also says that the layer before was restored
    CHECK_FALSE(layer.suggests_exclusion);
  }
}

TEST_CASE("the suggestion is an override of the config, and the file has the numbers") {
  const TemporaryFolder scratch;
  Sensitivity result{.accuracy = 0.9, .samples = 100, .rule_sparsity = 0.75, .layers = {}};
  result.layers = {{"fc.0.weight", 10, {0.9, 0.5}, true}, {"fc.2.weight", 20, {0.9, NAN}, false}};
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
  CHECK(json["layers"][1]["accuracy"][1].is_null());
  CHECK(json["exclude"] == std::vector<std::string>{"^fc\\.0\\.weight$"});
}

TEST_CASE("what a scan needs is said before it starts") {
  const TemporaryFolder scratch;
  const SensitivityOptions options{.from = write_model(scratch, {32, 24})};
  Config config = glyphs();
  config.data.validation = 0;
  CHECK_THROWS_WITH_AS(scan_sensitivity(config, options),
                       doctest::Contains("data.validation must be above 0"), std::invalid_argument);
  config = glyphs();
  config.has_prune = false;
  CHECK_THROWS_AS(scan_sensitivity(config, options), std::invalid_argument);
}

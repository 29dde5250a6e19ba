// A run of a model that plans do not know trained, pruned, exported, and then failed: the
// comparison threw for images. Plans know silu now; what they do not know runs over its tiles by
// its own forward pass (tests/framework/infer/sparse_model_test.cc).
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/io/load_config.h"
#include "framework/train/run.h"
#include "tests/temporary_folder.h"

using namespace tessera;

TEST_CASE("a run of a vision Transformer with silu ends with its accuracy and times") {
  const testing::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const Config config = parse_config(
      "run: {name: vit, threads: 1, device: cpu, dir: " + run.string() +
          "}\n"
          "data: {type: glyphs, train_samples: 80, test_samples: 40, batch_size: 20}\n"
          "model: {type: vit, hidden_size: 32, num_layers: 1, num_heads: 2, patch_size: 8,\n"
          "  activation: silu}\n"
          "optimizer: {type: adamw, lr: 1.0e-3}\n"
          "train: {epochs: 1}\n"
          "prune: {pattern: tw, granularity: 16, sparsity: 0.5, score: {type: magnitude},\n"
          "  schedule: {type: one_shot}, fine_tune: {epochs: 1, lr: 1.0e-3}}\n",
      "vit.yaml");
  run_command(Command::run, config, {});
  std::ifstream file(run / "summary.json");
  const auto summary = nlohmann::json::parse(file);
  CHECK(summary.at("speedup").get<double>() > 0);
  CHECK(summary.at("max_abs_diff").get<double>() < 1e-4);
  CHECK(summary.at("sparse_accuracy").get<double>() > 0);
}

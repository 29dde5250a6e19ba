// Weights that became NaN in the last step were saved and exported, and measured 100% accuracy: no
// logit compared as larger than a label's NaN.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "framework/io/load_config.h"
#include "framework/train/batch_loss.h"
#include "framework/train/metric_sums.h"
#include "framework/train/run.h"
#include "tests/temporary_folder.h"

using namespace tessera;

TEST_CASE("a logit that is NaN is a miss") {
  const float nan = std::nanf("");
  const Tensor logits = Tensor::from<float>({nan, nan, nan, /**/ nan, 2, 1, /**/ 3, 2, 1}, {3, 3});
  MetricSums sums{Device{}};
  sums.add(logits, Tensor::from<int64_t>({0, 1, 0}, {3}), Tensor::from<float>({1}, {}));
  CHECK(sums.read().top1 == 1);
  CHECK(sums.read().top5 == 2);
}

TEST_CASE("a last step that diverges is an error, and leaves no model") {
  const testing::TemporaryFolder scratch;
  const auto folder = scratch.path() / "run";
  const Config config =
      parse_config("run: {threads: 1, dir: \"" + folder.string() +
                       "\"}\n"
                       "data: {type: glyphs, batch_size: 36, train_samples: 36, test_samples: 36,\n"
                       "       validation: 0}\n"
                       "model: {type: mlp, hidden: [8]}\n"
                       "optimizer: {type: sgd, lr: 1.0e+38, weight_decay: 1.0e+5}\n"
                       "train: {epochs: 1}\n",
                   "test.yaml");
  CHECK_THROWS_WITH_AS(run_command(Command::train, config, {}),
                       doctest::Contains("[train] the weights must stay finite; got others in "),
                       std::runtime_error);
  CHECK_FALSE(std::filesystem::exists(folder / "model.safetensors"));
  CHECK(std::filesystem::is_empty(folder / "checkpoints"));
}

TEST_CASE("a broken checkpoint names the one before it") {
  const testing::TemporaryFolder scratch;
  const auto folder = scratch.path() / "run";
  const Config config =
      parse_config("run: {threads: 1, dir: \"" + folder.string() +
                       "\"}\n"
                       "data: {type: glyphs, batch_size: 36, train_samples: 72, test_samples: 36,\n"
                       "       validation: 0}\n"
                       "model: {type: mlp, hidden: [8]}\n"
                       "train: {epochs: 1}\n"
                       "checkpoint: {every: 1st, keep: 2}\n",
                   "test.yaml");
  run_command(Command::train, config, {});
  std::filesystem::remove(folder / "summary.json");
  const auto checkpoints = folder / "checkpoints";
  std::filesystem::resize_file(checkpoints / "step-000000002.safetensors", 100);
  CHECK_THROWS_WITH_AS(run_command(Command::train, config, {.resume = true}),
                       doctest::Contains("step-000000001.safetensors."), std::runtime_error);
  std::filesystem::remove(checkpoints / "step-000000002.safetensors");
  run_command(Command::train, config, {.resume = true});
  CHECK(std::filesystem::exists(folder / "summary.json"));
}

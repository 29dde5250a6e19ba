// A run that diverged named its last good checkpoint and a lower learning rate, but a resumed run
// must keep its config, and --from took model files only.
#include <doctest/doctest.h>

#include <filesystem>

#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
#include "framework/train/run.h"
#include "framework/train/training_state.h"
#include "tests/temporary_folder.h"

using namespace tessera;
namespace fs = std::filesystem;

namespace {

Config glyphs_run(const fs::path& folder, const std::string& more) {
  return parse_config("run: {threads: 1, dir: \"" + folder.string() +
                          "\"}\n"
                          "data: {type: glyphs, batch_size: 36, train_samples: 144, "
                          "test_samples: 36, validation: 0}\n"
                          "model: {type: mlp, hidden: [16]}\n"
                          "train: {epochs: 1}\n"
                          "checkpoint: {every: 1st, keep: 9}\n" +
                          more,
                      "test.yaml");
}

}  // namespace

TEST_CASE("another run goes on from the last good checkpoint of one that diverged") {
  const testing::TemporaryFolder scratch;
  const fs::path diverged = scratch.path() / "diverged", again = scratch.path() / "again";
  const fs::path first = diverged / "checkpoints" / "step-000000001.safetensors";
  CHECK_THROWS_WITH_AS(
      run_command(Command::train,
                  glyphs_run(diverged, "optimizer: {type: sgd, lr: 1.0e+10, momentum: 0}\n"), {}),
      doctest::Contains("start another run from it with --from"), std::runtime_error);
  REQUIRE(fs::exists(first));
  run_command(Command::train,
              glyphs_run(again, "optimizer: {type: sgd, lr: 1.0e-8, momentum: 0}\n"),
              {.from = first.string()});
  CHECK(fs::exists(again / "model.safetensors"));
}

TEST_CASE("a checkpoint's weights and masks are what a run starts from") {
  const testing::TemporaryFolder scratch;
  const std::string prune =
      "prune: {granularity: 8, sparsity: 0.5, score: {type: magnitude}, dense_control: false,\n"
      "  prune_first_and_last: true, schedule: {type: one_shot}, fine_tune: {epochs: 0}}\n";
  const fs::path run = scratch.path() / "run", again = scratch.path() / "again";
  run_command(Command::run, glyphs_run(run, prune), {});
  const fs::path last = run / "checkpoints" / "step-000000004.safetensors";
  const TrainingState state = load_training_state(last);
  run_command(Command::prune, glyphs_run(again, prune), {.from = last.string()});
  const fs::path path = again / "model.safetensors";
  const LoadedModel model = load_model(read_model_file(path), path);
  for (const auto& [name, tensor] : state.model)
    CHECK(model.model->state_dict().at(name).to_vector<float>() == tensor.to_vector<float>());
  CHECK(sparsity(model.masks) == sparsity(state.masks));

  CHECK_THROWS_WITH_AS(run_command(Command::train, glyphs_run(scratch.path() / "dense", ""),
                                   {.from = last.string()}),
                       doctest::Contains("[train] the config must have the section prune"),
                       std::invalid_argument);
  Config other = glyphs_run(scratch.path() / "other", prune);
  other.model.hidden = {24};
  CHECK_THROWS_WITH_AS(run_command(Command::prune, other, {.from = last.string()}),
                       doctest::Contains("must be of the config's model; got another"),
                       std::invalid_argument);
}

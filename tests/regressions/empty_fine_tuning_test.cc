// prune.fine_tune.epochs=0 fine-tuned for one step; it must not train at all.
#include <doctest/doctest.h>

#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"
#include "framework/train/run.h"
#include "tests/temporary_folder.h"

using namespace tessera;

TEST_CASE("no epochs of fine-tuning are no steps: the weights are the dense ones under masks") {
  const testing::TemporaryFolder scratch;
  const Config config = parse_config(
      "run: {threads: 1, dir: \"" + (scratch.path() / "run").string() +
          "\"}\n"
          "data: {type: glyphs, batch_size: 36, train_samples: 144, test_samples: 72}\n"
          "model: {type: mlp, hidden: [32]}\n"
          "train: {epochs: 1, ema: 0.9}\n"
          "prune: {granularity: 8, score: {type: magnitude}, prune_first_and_last: true,\n"
          "        schedule: {type: linear, stages: 2, epochs: 0}, fine_tune: {epochs: 0}}\n",
      "test.yaml");
  for (const Phase& phase : plan_phases(config, Command::prune, 4)) CHECK(phase.steps == 0);
  run_command(Command::run, config, {});

  const auto read = [&](const char* name) {
    const auto path = scratch.path() / "run" / name;
    return load_model(read_model_file(path), path);
  };
  const LoadedModel dense = read("dense.safetensors");
  const LoadedModel control = read("control.safetensors");
  const LoadedModel pruned = read("model.safetensors");
  CHECK(sparsity(pruned.masks) == doctest::Approx(0.75).epsilon(0.02));
  apply_masks(dense.model->parameters(), pruned.masks);
  apply_masks(control.model->parameters(), pruned.masks);
  for (const auto& [name, tensor] : dense.model->state_dict()) {
    CAPTURE(name);
    const auto expected = tensor.to_vector<float>();
    CHECK(pruned.model->state_dict().at(name).to_vector<float>() == expected);
    CHECK(control.model->state_dict().at(name).to_vector<float>() == expected);
  }
}

#include "framework/train/training_state.h"

#include <doctest/doctest.h>

#include <fstream>

#include "framework/io/safetensors.h"
#include "tests/temporary_folder.h"

using namespace tessera;
using tessera::testing::TemporaryFolder;

TEST_CASE("a training state reads back to the same bits") {
  const TemporaryFolder folder;
  TrainingState state;
  state.phase = 3;
  state.step = 17;
  state.total_steps = 1017;
  state.seconds = 0.1;
  state.pruning_steps = 400;
  state.early_stop = {.best = 0.7, .epochs_without_gain = 2};
  state.teacher = "0f";
  state.epoch_loss = 1.0 / 3;
  state.best_accuracy = -1;
  state.model["fc.weight"] = Tensor::from<float>({1, 2}, {1, 2});
  state.best["fc.weight"] = Tensor::from<float>({3, 4}, {1, 2});
  state.optimizer["fc.weight.momentum"] = Tensor::from<float>({5, 6}, {1, 2});
  state.average["ema.updates"] = Tensor::from<int64_t>({7}, {});
  state.masks["fc.weight"] = Tensor::from<uint8_t>({1, 0}, {1, 2});
  save_training_state(folder.path() / "state.safetensors", state);

  const TrainingState back = load_training_state(folder.path() / "state.safetensors");
  CHECK(back.phase == 3);
  CHECK(back.step == 17);
  CHECK(back.total_steps == 1017);
  CHECK(back.seconds == 0.1);
  CHECK(back.pruning_steps == 400);
  CHECK(back.early_stop.best == 0.7);
  CHECK(back.early_stop.epochs_without_gain == 2);
  CHECK(back.teacher == "0f");
  CHECK(back.epoch_loss == 1.0 / 3);
  CHECK(back.best_accuracy == -1);
  CHECK(back.model.at("fc.weight").to_vector<float>() == std::vector<float>{1, 2});
  CHECK(back.best.at("fc.weight").to_vector<float>() == std::vector<float>{3, 4});
  CHECK(back.optimizer.at("fc.weight.momentum").to_vector<float>() == std::vector<float>{5, 6});
  CHECK(back.average.at("ema.updates").item() == 7);
  CHECK(back.masks.at("fc.weight").to_vector<uint8_t>() == std::vector<uint8_t>{1, 0});
}

TEST_CASE("a file that is no training state is refused") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "other.safetensors";
  write_safetensors(path, {{{"x", Tensor::zeros({1})}}, {}});
  CHECK_THROWS_AS(load_training_state(path), std::runtime_error);

  TrainingState state;
  save_training_state(path, state);
  SafetensorsFile file = read_safetensors(path);
  file.metadata["step"] = "many";
  write_safetensors(path, file);
  CHECK_THROWS_AS(load_training_state(path), std::runtime_error);
  file.metadata["step"] = "1";
  file.tensors["stray"] = Tensor::zeros({1});
  write_safetensors(path, file);
  CHECK_THROWS_AS(load_training_state(path), std::runtime_error);
}

#include "framework/train/trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <fstream>

#include "framework/core/random.h"
#include "framework/train/interrupt.h"
#include "layers/models/make_model.h"
#include "tests/cuda_device.h"
#include "tests/framework/train/scratch_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

// Two classes of 6x6 images: bright on the left or on the right, under noise.
std::shared_ptr<MemoryDataset> left_or_right(int64_t count, uint32_t stream) {
  DatasetInfo info{.name = "left or right", .shape = {1, 6, 6}, .class_names = {"left", "right"}};
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  RandomSequence random({.seed = 5, .stream = stream});
  for (int64_t i = 0; i < count; ++i) {
    labels.push_back(static_cast<int32_t>(random.below(2)));
    for (int y = 0; y < 6; ++y)
      for (int x = 0; x < 6; ++x)
        pixels.push_back(
            static_cast<uint8_t>(random.below(160) + ((x >= 3) == (labels.back() == 1) ? 80 : 0)));
  }
  return std::make_shared<MemoryDataset>(std::move(info), std::move(pixels), std::move(labels));
}

/// Samples during whose reading a SIGTERM can arrive: it is noticed after the step under way.
struct InterruptingSamples : MemoryDataset {
  explicit InterruptingSamples(const MemoryDataset& samples) : MemoryDataset(samples) {}
  void read(int64_t index, std::span<uint8_t> pixels) const override {
    if (std::exchange(raise_at_next_read, false)) std::raise(SIGTERM);
    MemoryDataset::read(index, pixels);
  }
  mutable bool raise_at_next_read = false;
};

Config small_config(const std::filesystem::path& folder) {
  Config config;
  config.run.dir = folder.string();
  config.data.type = "glyphs";
  config.data.batch_size = 16;
  config.model.type = "sequential";
  config.model.layers = {
      {"flatten", {}, {}},           {"linear", {{"out", 24}}, {}}, {"relu", {}, {}},
      {"dropout", {{"p", 0.2}}, {}}, {"linear", {{"out", 24}}, {}}, {"relu", {}, {}},
      {"linear", {{"out", 2}}, {}}};
  config.optimizer.lr = 0.05;
  config.train.epochs = 2;
  config.train.clip_norm = 1;
  config.train.ema = 0.9;
  config.checkpoint.every = {1, Duration::Unit::steps};
  config.checkpoint.keep = 1;
  config.has_prune = true;
  config.prune.granularity = 8;
  config.prune.score.batches = 2;
  config.prune.schedule.stages = 2;
  config.prune.schedule.epochs = 1;
  config.prune.fine_tune = {.epochs = 1, .lr = 0.02};
  return config;
}

/// What one process has in memory.
struct Session {
  explicit Session(const Config& config, Device device = {})
      : directory(config, {.resume = true}),
        model(make_model(config.model, {1, 6, 6, 2}, config.run.seed)),
        samples(std::make_shared<InterruptingSamples>(*left_or_right(64, 1))),
        train(samples, {.batch_size = 16, .workers = 0, .shuffle = true, .seed = 3}),
        validation(left_or_right(32, 2), {.batch_size = 16, .workers = 0}),
        trainer(config, on_device(*model, device), train, &validation, directory, device) {
    directory.begin();
    resumed = trainer.resume();
  }

  void run(const Config& config, const std::function<void(const Phase&)>& after) {
    RunLog log(directory, resumed ? trainer.total_steps() : -1);
    trainer.run(plan_phases(config, Command::run, trainer.steps_per_epoch()), log,
                {.before = [](const Phase&) {}, .after = after});
  }

  static Module& on_device(Module& model, Device device) {
    model.to(device);
    return model;
  }

  RunDirectory directory;
  std::unique_ptr<Module> model;
  std::shared_ptr<InterruptingSamples> samples;
  DataLoader train, validation;
  Trainer trainer;
  bool resumed = false;
};

std::vector<float> flat(const Module& model) {
  std::vector<float> values;
  for (const Parameter& parameter : model.parameters()) {
    const auto part = parameter.tensor.to_vector<float>();
    values.insert(values.end(), part.begin(), part.end());
  }
  return values;
}

/// The weights after a run in one go.
std::vector<float> uninterrupted_weights(const std::filesystem::path& folder, Device device) {
  const Config config = small_config(folder);
  Session session(config, device);
  session.run(config, [](const Phase&) {});
  return flat(*session.model);
}

/// The weights after a run that is stopped after every step, the sessions taking turns on the
/// devices.
std::vector<float> interrupted_weights(const std::filesystem::path& folder,
                                       const std::vector<Device>& devices) {
  const Config config = small_config(folder);
  for (size_t stops = 0;; ++stops) {
    REQUIRE(stops <= 24);  // 4 steps an epoch, in 2 dense, 2 pruning and 2 control epochs
    Session session(config, devices[stops % devices.size()]);
    REQUIRE(session.resumed == (stops > 0));
    try {
      session.samples->raise_at_next_read = true;
      session.run(config, [](const Phase&) {});
      CHECK(stops == 24);
      return flat(*session.model);
    } catch (const Interrupted&) {
    }
  }
}

}  // namespace

TEST_CASE("a run that is stopped after every step ends in the same weights, bit for bit") {
  const ScratchFolder scratch("trainer");
  CHECK(interrupted_weights(scratch.path() / "cut", {Device{}}) ==
        uninterrupted_weights(scratch.path() / "whole", Device{}));
}

TEST_CASE("CUDA: so does one on a device; one that moves between devices stays close") {
  if (!has_cuda_device()) return;
  const ScratchFolder scratch("trainer");
  const auto expected = uninterrupted_weights(scratch.path() / "whole", kCuda);
  CHECK(interrupted_weights(scratch.path() / "cut", {kCuda}) == expected);
  const auto moved = interrupted_weights(scratch.path() / "moved", {kCuda, Device{}});
  REQUIRE(moved.size() == expected.size());
  size_t far = 0;  // a rounding can decide which of two units of equal worth is pruned
  for (size_t i = 0; i < moved.size(); ++i) far += std::abs(moved[i] - expected[i]) > 1e-2f;
  CHECK(far <= moved.size() / 20);
}

TEST_CASE("CUDA: a loss that is not finite is noticed, with the step that it came from") {
  if (!has_cuda_device()) return;
  const ScratchFolder scratch("trainer");
  Config config = small_config(scratch.path() / "run");
  config.optimizer.lr = 1e30;
  config.train.clip_norm = 0;
  config.checkpoint.every = {7, Duration::Unit::steps};
  Session session(config, kCuda);
  CHECK_THROWS_WITH_AS(session.run(config, [](const Phase&) {}),
                       doctest::Contains("[train] the loss must stay finite; got"),
                       std::runtime_error);
}

TEST_CASE("pruned weights are exactly zero after every phase, and training still learns") {
  const ScratchFolder scratch("trainer");
  const Config config = small_config(scratch.path() / "run");
  Session session(config);
  session.run(config, [&](const Phase& phase) {
    if (phase.kind != Phase::Kind::prune) return;
    CHECK(sparsity(session.trainer.masks()) == doctest::Approx(phase.sparsity).epsilon(0.1));
    for (const Parameter& parameter : session.model->parameters()) {
      const Tensor mask = session.trainer.masks().of(parameter.name);
      if (!mask.defined()) continue;
      int64_t wrong = 0;
      for (int64_t i = 0; i < mask.numel(); ++i)
        wrong += mask.data<uint8_t>()[i] == 0 && parameter.tensor.data<float>()[i] != 0.0f;
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("a loss that is not finite names the step and the rate") {
  const ScratchFolder scratch("trainer");
  Config config = small_config(scratch.path() / "run");
  config.optimizer.lr = 1e30;
  config.train.clip_norm = 0;
  Session session(config);
  std::string message;
  try {
    session.run(config, [](const Phase&) {});
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  INFO(message);
  CHECK(message.find("[train] the loss must stay finite") == 0);
  CHECK(message.find("learning rate 1e+30") != std::string::npos);
  CHECK(message.find("checkpoints/step-") != std::string::npos);
}

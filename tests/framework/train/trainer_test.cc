#include "framework/train/trainer.h"

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>

#include "framework/core/random.h"
#include "framework/train/interrupt.h"
#include "layers/models/make_model.h"
#include "tests/framework/train/scratch_folder.h"

using namespace tessera;
using tessera::testing::ScratchFolder;

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
  explicit Session(const Config& config)
      : directory(config, {.resume = true}),
        model(make_model(config.model, {1, 6, 6, 2}, config.run.seed)),
        samples(std::make_shared<InterruptingSamples>(*left_or_right(64, 1))),
        train(samples, {.batch_size = 16, .workers = 0, .shuffle = true, .seed = 3}),
        validation(left_or_right(32, 2), {.batch_size = 16, .workers = 0}),
        trainer(config, *model, train, &validation, directory) {
    directory.begin();
    resumed = trainer.resume();
  }

  void run(const Config& config, const std::function<void(const Phase&)>& after) {
    RunLog log(directory, resumed ? trainer.total_steps() : -1);
    trainer.run(plan_phases(config, Command::run, trainer.steps_per_epoch()), log,
                {.before = [](const Phase&) {}, .after = after});
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

}  // namespace

TEST_CASE("a run that is stopped after every step ends in the same weights, bit for bit") {
  const ScratchFolder scratch("trainer");
  const Config whole = small_config(scratch.path() / "whole");
  Session uninterrupted(whole);
  uninterrupted.run(whole, [](const Phase&) {});
  const auto expected = flat(*uninterrupted.model);

  const Config cut = small_config(scratch.path() / "cut");
  int stops = 0;
  for (bool finished = false; !finished;) {
    Session session(cut);
    REQUIRE(session.resumed == (stops > 0));
    try {
      session.samples->raise_at_next_read = true;
      session.run(cut, [](const Phase&) {});
      finished = true;
      CHECK(flat(*session.model) == expected);
    } catch (const Interrupted&) {
      REQUIRE(++stops < 100);
    }
  }
  CHECK(stops == 24);  // 4 steps an epoch, in 2 dense, 2 pruning and 2 control epochs
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

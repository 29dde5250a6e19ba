#include "framework/train/trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <fstream>

#include "framework/core/random.h"
#include "framework/infer/model_file.h"
#include "framework/train/interrupt.h"
#include "layers/models/make_model.h"
#include "tests/cuda_device.h"
#include "tests/temporary_folder.h"

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
  config.prune.schedule.epochs = {1};
  config.prune.fine_tune.epochs = {1};
  config.prune.fine_tune.lr = 0.02;
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
    trainer.set_teacher(directory.file("dense.safetensors"));
    directory.begin();
    resumed = trainer.resume();
  }

  void run(const Config& config, const std::function<void(const Phase&)>& after) {
    RunLog log(directory, resumed ? trainer.total_steps() : -1);
    trainer.run(plan_phases(config, Command::run, trainer.steps_per_epoch()), log,
                {.before = [](const Phase&) {},
                 .after =
                     [&](const Phase& phase) {
                       if (phase.kind == Phase::Kind::dense) write_teacher(config);
                       after(phase);
                     }});
  }

  void write_teacher(const Config& config) const {
    ModelCard card;
    card.model = config.model;
    card.dataset = "glyphs";
    card.channels = 1;
    card.height = card.width = 6;
    card.model.num_classes = 2;
    card.model.in_channels = 1;
    card.model.image_size = 6;
    write_model_file(directory.file("dense.safetensors"), *model, card, {},
                     {.format = ExportFormat::dense});
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

using Change = std::function<void(Config&)>;

Config changed_config(const std::filesystem::path& folder, const Change& change) {
  Config config = small_config(folder);
  if (change) change(config);
  return config;
}

/// The weights after a run in one go; `steps`: that it took.
std::vector<float> uninterrupted_weights(const std::filesystem::path& folder, Device device,
                                         const Change& change = nullptr, int64_t* steps = nullptr) {
  const Config config = changed_config(folder, change);
  Session session(config, device);
  session.run(config, [](const Phase&) {});
  if (steps != nullptr) *steps = session.trainer.total_steps();
  return flat(*session.model);
}

/// The weights after a run that is stopped after every step, the sessions taking turns on the
/// devices.
std::vector<float> interrupted_weights(const std::filesystem::path& folder,
                                       const std::vector<Device>& devices,
                                       const Change& change = nullptr, size_t steps = 24) {
  const Config config = changed_config(folder, change);
  for (size_t stops = 0;; ++stops) {
    REQUIRE(stops <= steps);  // 24: 4 an epoch, in 2 dense, 2 pruning and 2 control epochs
    Session session(config, devices[stops % devices.size()]);
    REQUIRE(session.resumed == (stops > 0));
    try {
      session.samples->raise_at_next_read = true;
      session.run(config, [](const Phase&) {});
      CHECK(stops == steps);
      return flat(*session.model);
    } catch (const Interrupted&) {
    }
  }
}

}  // namespace

TEST_CASE("a run that is stopped after every step ends in the same weights, bit for bit") {
  const TemporaryFolder scratch;
  CHECK(interrupted_weights(scratch.path() / "cut", {Device{}}) ==
        uninterrupted_weights(scratch.path() / "whole", Device{}));
}

TEST_CASE("so does one with a teacher, early stops, regrowth and an optimizer of its own") {
  struct Case {
    const char* name;
    Change change;
  };
  const auto all = [](Config& config) {
    config.prune.distill = {.alpha = 0.5, .temperature = 3};
    config.prune.regrow = 0.3;
    config.prune.schedule.stages = 3;
    config.prune.schedule.epochs = {6, Duration::Unit::steps};
    config.prune.fine_tune.epochs = {4};
    config.prune.fine_tune.lr = 1e-3;
    config.prune.fine_tune.optimizer.type = "adamw";
    config.prune.fine_tune.scheduler.type = "linear";
    config.prune.fine_tune.early_stop = {.patience = 2, .min_delta = 0.02};
  };
  const auto rewound = [](Config& config) {
    config.scheduler.type = "step";
    config.scheduler.every = {3, Duration::Unit::steps};
    config.prune.rewind = true;
    config.prune.rewind_to = {1};
    config.prune.fine_tune.early_stop = {.patience = 1, .min_delta = 1};
  };
  for (const Case& c : {Case{"all", all}, Case{"rewound", rewound}}) {
    CAPTURE(c.name);
    const TemporaryFolder scratch;
    int64_t steps = 0;
    const auto expected = uninterrupted_weights(scratch.path() / "whole", {}, c.change, &steps);
    CHECK(interrupted_weights(scratch.path() / "cut", {Device{}}, c.change,
                              static_cast<size_t>(steps)) == expected);
  }
}

TEST_CASE("an early stop ends a stage, and the control takes as many steps as were taken") {
  const TemporaryFolder scratch;
  Config config = small_config(scratch.path() / "run");
  config.prune.fine_tune.epochs = {10};
  config.prune.fine_tune.lr = 1e-12;  // the accuracy stands still
  config.prune.fine_tune.early_stop = {.patience = 2};
  Session session(config);
  std::vector<int64_t> ends;
  session.run(config, [&](const Phase&) { ends.push_back(session.trainer.total_steps()); });
  // Of 4 steps an epoch: 2 dense, 1 of the first stage, 3 of the last; the control takes those 4.
  CHECK(ends == std::vector<int64_t>{8, 12, 24, 40});
}

TEST_CASE("a teacher's file that was changed is noticed when a run goes on") {
  const TemporaryFolder scratch;
  Config config = small_config(scratch.path() / "run");
  config.prune.distill.alpha = 0.5;
  {
    Session session(config);
    CHECK_THROWS_AS(session.run(config,
                                [&](const Phase& phase) {
                                  session.samples->raise_at_next_read =
                                      phase.kind == Phase::Kind::prune;
                                }),
                    Interrupted);
    session.write_teacher(config);
  }
  Session session(config);
  CHECK_THROWS_WITH_AS(session.run(config, [](const Phase&) {}),
                       doctest::Contains("[distill] the teacher"), std::runtime_error);
}

TEST_CASE("regrowth gives pruned weights back, and the stage still reaches its sparsity") {
  const TemporaryFolder scratch;
  Config config = small_config(scratch.path() / "run");
  config.prune.regrow = 0.5;
  Session session(config);
  std::vector<Masks> masks;
  session.run(config, [&](const Phase& phase) {
    if (phase.kind != Phase::Kind::prune) return;
    masks.push_back(session.trainer.masks());
    CHECK(sparsity(masks.back()) == doctest::Approx(phase.sparsity).epsilon(0.1));
  });
  REQUIRE(masks.size() == 2);
  int64_t back = 0;
  for (const auto& [name, mask] : masks[1]) {
    const auto before = masks[0].at(name).to_vector<uint8_t>(), after = mask.to_vector<uint8_t>();
    for (size_t i = 0; i < after.size(); ++i) back += before[i] == 0 && after[i] == 1;
  }
  CHECK(back > 0);
}

TEST_CASE("CUDA: so does one on a device; one that moves between devices stays close") {
  if (!has_cuda_device()) return;
  const TemporaryFolder scratch;
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
  const TemporaryFolder scratch;
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
  const TemporaryFolder scratch;
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
  const TemporaryFolder scratch;
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

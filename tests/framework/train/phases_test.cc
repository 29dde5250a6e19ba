#include "framework/train/phases.h"

#include <doctest/doctest.h>

using namespace tessera;

namespace {

Config config_with_stages(std::vector<double> sparsities) {
  Config config;
  config.train.epochs = 3;
  config.has_prune = true;
  config.prune.sparsity = sparsities.back();
  config.prune.schedule.type = "list";
  config.prune.schedule.sparsities = std::move(sparsities);
  config.prune.schedule.epochs = {0.5};
  config.prune.fine_tune.epochs = {2};
  return config;
}

}  // namespace

TEST_CASE("a run is dense training, stages and a control of as many steps as the stages") {
  const auto phases = plan_phases(config_with_stages({0.5, 0.75}), Command::run, 10);
  REQUIRE(phases.size() == 4);
  CHECK(phases[0].kind == Phase::Kind::dense);
  CHECK(phases[0].steps == 30);
  CHECK(phases[1].sparsity == 0.5);
  CHECK(phases[1].steps == 5);
  CHECK_FALSE(phases[1].selects_best);
  CHECK(phases[2].sparsity == 0.75);
  CHECK(phases[2].steps == 20);
  CHECK(phases[2].selects_best);
  CHECK(phases[3].kind == Phase::Kind::control);
  CHECK(phases[3].steps == phases[1].steps + phases[2].steps);
}

TEST_CASE("fine-tuning drops less where it is told to, the control does not") {
  Config config = config_with_stages({0.5, 0.75});
  config.prune.fine_tune.dropout = 0.25;
  for (const Phase& phase : plan_phases(config, Command::run, 10))
    CHECK(phase.dropout_factor == (phase.kind == Phase::Kind::prune ? 0.25 : 1));
}

TEST_CASE("no two phases read the data in the same order") {
  const auto phases = plan_phases(config_with_stages({0.5, 0.75}), Command::run, 10);
  for (size_t i = 1; i < phases.size(); ++i) {
    const int64_t epochs_before = (phases[i - 1].steps + 9) / 10;
    CHECK(phases[i].first_epoch == phases[i - 1].first_epoch + epochs_before);
  }
}

TEST_CASE("train stops after dense training, prune starts with the stages") {
  const Config config = config_with_stages({0.75});
  CHECK(plan_phases(config, Command::train, 10).size() == 1);
  CHECK(plan_phases(config, Command::prune, 10).front().kind == Phase::Kind::prune);
}

TEST_CASE("windows are epochs or steps; none is no step, any other at least one") {
  Config config = config_with_stages({0.5, 0.75});
  config.prune.schedule.epochs = {7, Duration::Unit::steps};
  config.prune.fine_tune.epochs = {0.01};
  auto phases = plan_phases(config, Command::prune, 10);
  CHECK(phases[0].steps == 7);
  CHECK(phases[1].steps == 1);
  config.prune.schedule.epochs = {0};
  config.prune.fine_tune.epochs = {0, Duration::Unit::steps};
  phases = plan_phases(config, Command::prune, 10);
  for (const Phase& phase : phases) CHECK(phase.steps == 0);
}

TEST_CASE("fine-tuning and its control have their own optimizer and schedule") {
  Config config = config_with_stages({0.5, 0.75});
  config.prune.fine_tune.optimizer.type = "adamw";
  config.prune.fine_tune.scheduler.type = "linear";
  config.prune.fine_tune.early_stop = {.patience = 3, .min_delta = 0.01};
  config.prune.fine_tune.lr = 0.25;
  config.prune.schedule.lr = 0.5;
  const auto phases = plan_phases(config, Command::run, 10);
  CHECK(phases[0].optimizer.type == "sgd");
  CHECK(phases[0].optimizer.lr == config.optimizer.lr);
  CHECK(phases[0].early_stop.patience == 0);
  for (const Phase& phase : {phases[1], phases[2], phases[3]}) {
    CHECK(phase.optimizer.type == "adamw");
    CHECK(phase.scheduler.type == "linear");
    CHECK(phase.early_stop.patience == (phase.kind == Phase::Kind::prune ? 3 : 0));
    const Schedule schedule = schedule_of(phase, 10);
    CHECK(schedule.lr(schedule_step(phase, 0)) == phase.optimizer.lr);
    CHECK(schedule.lr(phase.steps) == 0);
  }
  CHECK(phases[1].optimizer.lr == 0.5);
  CHECK(phases[2].optimizer.lr == 0.25);
}

TEST_CASE("a control takes the steps that pruning really took") {
  const auto phases = plan_phases(config_with_stages({0.5, 0.75}), Command::run, 10);
  CHECK(as_run(phases[3], 17).steps == 17);
  CHECK(schedule_of(as_run(phases[3], 17), 10).lr(17) == 0);
  CHECK(as_run(phases[2], 17).steps == phases[2].steps);
  // Stages may stop before their warm-up ends.
  Phase control = phases[3];
  control.scheduler.warmup = {18, Duration::Unit::steps};
  CHECK(schedule_of(control, 10).lr(0) < control.optimizer.lr / 10);
  CHECK(schedule_of(as_run(control, 17), 10).lr(0) == control.optimizer.lr);
}

TEST_CASE("rewound fine-tuning repeats the dense learning rates from rewind_to on") {
  Config config = config_with_stages({0.5, 0.75});
  config.scheduler.type = "cosine";
  config.scheduler.warmup = {2, Duration::Unit::steps};
  config.prune.rewind = true;
  config.prune.rewind_to = {1};
  const auto phases = plan_phases(config, Command::run, 10);
  REQUIRE(phases.size() == 4);
  const Schedule dense = schedule_of(phases[0], 10);
  for (const Phase& phase : {phases[1], phases[2], phases[3]}) {
    CHECK(phase.steps == (phase.kind == Phase::Kind::prune ? 20 : 40));
    const Schedule rewound = schedule_of(phase, 10);
    for (int64_t step = 0; step < phase.steps; ++step)
      CHECK(rewound.lr(schedule_step(phase, step)) == dense.lr(10 + step % 20));
  }
  config.prune.rewind_to = {30, Duration::Unit::steps};
  CHECK_THROWS_WITH(
      plan_phases(config, Command::run, 10),
      "[plan] prune.rewind_to must lie before the end of the dense training; got step "
      "30 of 30. Lower it.");
}

TEST_CASE("pruning without its section is an error") {
  Config config = config_with_stages({0.75});
  config.has_prune = false;
  CHECK_THROWS_WITH(plan_phases(config, Command::run, 10),
                    "[plan] run needs the section prune; got a config without it. Add it, or use "
                    "train.");
}

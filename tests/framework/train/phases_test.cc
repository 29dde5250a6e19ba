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
  config.prune.schedule.epochs = 0.5;
  config.prune.fine_tune.epochs = 2;
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

TEST_CASE("pruning without its section is an error") {
  Config config = config_with_stages({0.75});
  config.has_prune = false;
  CHECK_THROWS_WITH(plan_phases(config, Command::run, 10),
                    "[plan] run needs the section prune; got a config without it. Add it, or use "
                    "train.");
}

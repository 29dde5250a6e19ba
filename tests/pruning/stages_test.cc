#include "pruning/stages.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace tessera;

namespace {

PruneConfig config_of(const char* type, double sparsity) {
  PruneConfig config;
  config.sparsity = sparsity;
  config.schedule.type = type;
  config.schedule.stages = 4;
  return config;
}

void check_plan(const PruneConfig& config, const std::vector<double>& expected, double start = 0) {
  const std::vector<PruneStage> stages = plan_stages(config, start);
  REQUIRE(stages.size() == expected.size());
  for (size_t i = 0; i < stages.size(); ++i)
    CHECK(stages[i].sparsity == doctest::Approx(expected[i]).epsilon(1e-12));
  CHECK(stages.back().sparsity == config.sparsity);
}

}  // namespace

TEST_CASE("stages of each schedule") {
  check_plan(config_of("one_shot", 0.75), {0.75});
  check_plan(config_of("linear", 0.8), {0.2, 0.4, 0.6, 0.8});
  check_plan(config_of("cubic", 0.64), {0.37, 0.56, 0.63, 0.64});
  PruneConfig list = config_of("list", 0.75);
  list.schedule.sparsities = {0.5, 0.7, 0.75};
  check_plan(list, {0.5, 0.7, 0.75});
}

TEST_CASE("stages go on from masks that exist") {
  check_plan(config_of("linear", 0.8), {0.5, 0.6, 0.7, 0.8}, 0.4);
  check_plan(config_of("cubic", 0.8), {0.63125, 0.75, 0.79375, 0.8}, 0.4);
  PruneConfig list = config_of("list", 0.75);
  list.schedule.sparsities = {0.5, 0.7, 0.75};
  check_plan(list, {0.7, 0.75}, 0.5);
  check_plan(list, {0.75}, 0.7504);  // the last stage ended one unit above
}

TEST_CASE("stages are ones that the pattern can have") {
  PruneConfig vw = config_of("cubic", 0.75);
  vw.pattern = "vw";
  vw.schedule.stages = 5;
  check_plan(vw, {0.375, 0.5625, 0.6875, 0.75});
  PruneConfig nm = config_of("linear", 0.5);
  nm.pattern = "nm";
  check_plan(nm, {0.5});
  PruneConfig tvw = config_of("linear", 0.8);
  tvw.pattern = "tvw";
  check_plan(tvw, {0.5, 0.6, 0.8});
}

TEST_CASE("the last stage has the fine-tuning's window and rate, the others the schedule's") {
  PruneConfig config = config_of("linear", 0.5);
  config.schedule.stages = 2;
  config.schedule.epochs = {500, Duration::Unit::steps};
  config.fine_tune.epochs = {1.5};
  std::vector<PruneStage> stages = plan_stages(config);
  CHECK(stages[0].window.count == 500);
  CHECK(stages[0].window.unit == Duration::Unit::steps);
  CHECK(stages[0].lr == 0.01);  // no rate of its own
  CHECK(stages[1].window.count == 1.5);
  CHECK(stages[1].window.unit == Duration::Unit::epochs);
  config.schedule.lr = 0.02;
  stages = plan_stages(config);
  CHECK(stages[0].lr == 0.02);
  CHECK(stages[1].lr == 0.01);
}

TEST_CASE("impossible plans are errors") {
  using doctest::Contains;
  const auto check_error = [](PruneConfig config, const char* message, double start = 0) {
    CHECK_THROWS_WITH_AS(plan_stages(config, start), Contains(message), std::invalid_argument);
  };
  check_error(config_of("quadratic", 0.5), "one of one_shot, linear, cubic, list; got 'quadratic'");
  check_error(config_of("cubic", 1.0), "below 1; got 1");
  check_error(config_of("cubic", 0.5), "got 0.5 for masks at 0.6", 0.6);
  PruneConfig config = config_of("linear", 0.5);
  config.schedule.stages = 0;
  check_error(config, "stages must be at least 1; got 0");
  config = config_of("list", 0.75);
  check_error(config, "a list needs sparsities; got none");
  config.schedule.sparsities = {0.5, 0.5, 0.75};
  check_error(config, "must rise strictly, from 0 to below 1; got 0.5 after 0.5");
  config.schedule.sparsities = {0.5, 0.7};
  check_error(config, "must be prune.sparsity; got 0.7 and 0.75");
  config.pattern = "vw";
  config.schedule.sparsities = {0.5, 0.7, 0.75};
  check_error(config, "multiples of 1/16 below 1; got 0.7. The nearest is 0.6875");
  config = config_of("cubic", 0.75);
  config.pattern = "nm";
  check_error(config, "exactly 0.5; got 0.75");
}

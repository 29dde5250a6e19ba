// Sparsities that a predicted speed-up needs, on a machine made up: its costs are products only.
#include "framework/train/speed_target.h"

#include <doctest/doctest.h>

#include <cmath>

#include "framework/backend/cpu.h"
#include "framework/io/load_config.h"
#include "framework/sparse/pack.h"
#include "framework/train/phases.h"
#include "layers/models/make_model.h"

using namespace tessera;

namespace {

constexpr const char* kSmallConvolutions =
    "data: {type: glyphs, batch_size: 36}\n"
    "model: {type: sequential, layers: [{conv: {out: 16, stride: 2, pad: 1}}, relu,\n"
    "  {conv: {out: 64, stride: 2, pad: 1}}, relu, {conv: {out: 64, stride: 2, pad: 1}}, relu,\n"
    "  flatten, {linear: 64}, relu, linear]}\n";

/// The model, its scores by magnitude, and a speed model of which `other` is not in the layers.
struct MadeUpMachine {
  explicit MadeUpMachine(const std::string& prune, double other = 0.1)
      : config(parse_config(
            concat(kSmallConvolutions, "prune: {score: {type: magnitude}, ", prune, "}\n"),
            "test.yaml")),
        model(make_model(config.model, {1, 32, 32, 36}, 3)),
        data(std::make_shared<MemoryDataset>(
                 DatasetInfo{.name = "one", .shape = {1, 2, 2}, .class_names = {"a"}},
                 std::vector<uint8_t>(4, 0), std::vector<int32_t>{0}),
             {.batch_size = 1, .workers = 0}) {
    speed.costs.linear = speed.costs.convolution = {0, 1, 0, 1, 0};
    double products = 0;
    for (const std::string& name : select_layers_of(config.prune, *model).pruned)
      for (const Parameter& parameter : model->parameters()) {
        if (parameter.name != name) continue;
        const auto columns = static_cast<int64_t>(1 + speed.layers.size());
        const double ms =
            speed.costs.milliseconds(work_of(pack(parameter.tensor, {}, 64), columns));
        speed.layers.push_back({.weight = name, .columns = columns, .dense_ms = ms});
        products += ms;
      }
    speed.dense_ms = products / (1 - other);
    speed.other_ms = speed.dense_ms * other;
  }

  ModelScores scores(const Masks& current = {}) {
    return {*model, config.prune, current, data, 0, 0};
  }
  SpeedTarget target() const { return {config.prune, speed}; }

  Config config;
  std::unique_ptr<Module> model;
  DataLoader data;
  SpeedModel speed;
};

double zeros_of(const Tensor& mask) { return mask_sparsity({mask}); }

}  // namespace

TEST_CASE("bisection finds the least sparsity of a speed-up, and the highest where none has it") {
  int calls = 0;
  const auto limit = [&](double sparsity) {
    ++calls;
    return 1 / (1 - sparsity);
  };
  for (const double target : {1.01, 1.5, 2.0, 5.0}) {
    CAPTURE(target);
    calls = 0;
    const double sparsity = solve_sparsity(target, {0, 0.99}, limit);
    CHECK(limit(sparsity) >= target);
    CHECK(sparsity - (1 - 1 / target) == doctest::Approx(0).epsilon(5e-4));
    CHECK(calls <= 14);
  }
  CHECK(solve_sparsity(3, {0, 0.6}, limit) == 0.6);
  CHECK(solve_sparsity(1.5, {0.5, 0.9}, limit) == 0.5);
  CHECK(solve_sparsity(9, {0.5, 0.5}, limit) == 0.5);
  // A layer that the library runs faster until it is sparse enough: flat, then a jump.
  const auto jump = [](double sparsity) { return sparsity < 0.7 ? 1.0 : 2.0; };
  CHECK(solve_sparsity(1.2, {0, 0.99}, jump) == doctest::Approx(0.7).epsilon(1e-3));
}

TEST_CASE("a higher target needs a higher sparsity, of which no less would do") {
  for (const char* pattern : {"tw", "tw1", "tew", "bw", "ew", "vw", "tvw"}) {
    CAPTURE(pattern);
    MadeUpMachine machine(concat("target_speedup: 2, pattern: ", pattern, ", granularity: 16"));
    const ModelScores scores = machine.scores();
    const SpeedTarget target = machine.target();
    double before = 0;
    for (const double speedup : {1.3, 2.0, 3.0}) {
      CAPTURE(speedup);
      machine.config.prune.target_speedup = speedup;
      const SpeedSolution solution = target.solve(scores);
      CHECK(solution.speedup >= speedup);
      CHECK(solution.sparsity >= before);
      CHECK(sparsity(solution.masks) == doctest::Approx(solution.sparsity).epsilon(0.02));
      if (solution.sparsity > 0.58)  // tvw has none from 0 to 0.5
        CHECK(target.at(scores, solution.sparsity - 0.07).speedup < solution.speedup);
      before = solution.sparsity;
    }
    CHECK(before > 0.5);
  }
}

TEST_CASE("stages go their share of the way, and what is met already is refused") {
  MadeUpMachine machine("target_speedup: 2, granularity: 16, schedule: {type: linear, stages: 4}");
  const SpeedTarget target = machine.target();
  PruneConfig& prune = machine.config.prune;
  prune.sparsity = target.plan(machine.scores());
  CHECK(prune.sparsity > 0.3);
  CHECK(prune.sparsity < 0.9);

  const std::vector<Phase> phases = plan_phases(machine.config, Command::prune, 10);
  REQUIRE(phases.size() == 5);
  Masks masks;
  for (size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(phases[i].share == doctest::Approx(0.25 * static_cast<double>(i + 1)));
    const SpeedSolution stage = target.stage(machine.scores(masks), 0, phases[i].share);
    masks = stage.masks;
    CHECK(stage.sparsity == doctest::Approx(phases[i].share * prune.sparsity).epsilon(0.03));
    CHECK((stage.speedup >= 2) == (i == 3));
  }
  CHECK(phases[3].share == 1);
  CHECK(phases[4].share == 0);  // the control's

  CHECK_THROWS_WITH_AS(target.plan(machine.scores(masks)),
                       doctest::Contains("above what the weights to start from are predicted"),
                       std::invalid_argument);
  const SpeedSolution same = target.stage(machine.scores(masks), 0, 0.5);
  for (const auto& [name, mask] : masks)
    CHECK(same.masks.at(name).to_vector<uint8_t>() == mask.to_vector<uint8_t>());
}

TEST_CASE("a target out of reach is refused before training, and taken as far as it goes in it") {
  MadeUpMachine machine("target_speedup: 20, granularity: 16", 0.2);
  const SpeedTarget target = machine.target();
  CHECK_THROWS_WITH_AS(target.plan(machine.scores()),
                       doctest::Contains("got 20. The highest is 5.00, predicted"),
                       std::invalid_argument);
  const SpeedSolution highest = target.solve(machine.scores());
  CHECK(highest.speedup > 4.9);
  CHECK(highest.sparsity > 0.9);
  for (const auto& [name, mask] : highest.masks) CHECK(zeros_of(mask) < 1);
}

TEST_CASE("maxima and minima of layers hold for a target, and limit what it can be") {
  MadeUpMachine machine("target_speedup: 4, granularity: 16, max_per_layer: 0.6");
  CHECK(machine.scores().highest_sparsity() == doctest::Approx(0.6).epsilon(0.02));
  CHECK_THROWS_WITH_AS(machine.target().plan(machine.scores()),
                       doctest::Contains("must be one that pruning can reach; got 4. The highest"),
                       std::invalid_argument);
  const Masks all = machine.target().solve(machine.scores()).masks;
  for (const auto& [name, mask] : all) CHECK(zeros_of(mask) < 0.63);

  MadeUpMachine bounded(
      "target_speedup: 1.2, granularity: 16, layer_bounds: [\"4.weight=0.5..0.7\"]");
  CHECK(bounded.scores().least_sparsity() > 0);
  bounded.config.prune.sparsity = bounded.target().plan(bounded.scores());
  for (const double speedup : {1.2, 2.5}) {
    bounded.config.prune.target_speedup = speedup;
    const Masks masks = bounded.target().solve(bounded.scores()).masks;
    CHECK(zeros_of(masks.at("4.weight")) < 0.73);
    CHECK(zeros_of(masks.at("4.weight")) > 0.47);
  }
}

TEST_CASE("patterns with few sparsities take the next one") {
  MadeUpMachine vectors("target_speedup: 2, pattern: vw");
  const double sparsity = vectors.target().solve(vectors.scores()).sparsity;
  CHECK(sparsity * 16 == doctest::Approx(std::round(sparsity * 16)));

  MadeUpMachine two_of_four("target_speedup: 1.2, pattern: nm");
  CHECK(two_of_four.target().plan(two_of_four.scores()) == 0.5);
  two_of_four.config.prune.target_speedup = 3;
  CHECK_THROWS_WITH_AS(two_of_four.target().plan(two_of_four.scores()),
                       doctest::Contains("at 50.00% sparsity"), std::invalid_argument);
}

TEST_CASE("rows in multiples and equal tiles are kept for a target") {
  MadeUpMachine machine("target_speedup: 2, granularity: 16, k_multiple: 8, balanced: true");
  const ModelScores scores = machine.scores();
  const SpeedSolution solution = machine.target().solve(scores);
  CHECK(solution.speedup >= 2);
  for (const auto& [name, tiles] : scores.packed(solution.masks))
    for (size_t t = 0; t + 1 < tiles.k_ptr.size(); ++t) {
      const int64_t rows = tiles.k_ptr[t + 1] - tiles.k_ptr[t];
      CHECK((rows % 8 == 0 || rows == tiles.inputs()));
    }
}

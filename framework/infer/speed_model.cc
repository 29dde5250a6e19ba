#include "framework/infer/speed_model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "framework/autograd/autograd.h"
#include "framework/core/errors.h"
#include "framework/infer/plan.h"
#include "framework/infer/stopwatch.h"
#include "framework/sparse/pack.h"

namespace tessera {
namespace {

using nlohmann::ordered_json;

constexpr int kSpeedModelVersion = 1;
/// Outputs of a tile of the whole weights that are timed: those of the plan's dense products.
constexpr int64_t kWholeTile = 64;
/// Runs of a plan whose parts are timed: at least and at most so many, in about so long.
constexpr int kMinRounds = 3, kMaxRounds = 50;
constexpr std::chrono::seconds kEnoughSeconds(3);
/// Milliseconds to time the library against the panels in.
constexpr double kRaceMs = 2000;

/// Of the faster of the two ways in which plans run 2:4 sparse blocks.
double sparse_ms(const CostModel& costs, const TileMatrix& tiles, int64_t columns) {
  const double ms = costs.milliseconds(work_of(tiles, columns));
  if (!tiles.two_of_four) return ms;
  const TileMatrix singles = pack_remainder(unpack(tiles), stored_mask(tiles));
  return std::min(ms, costs.milliseconds(work_of(singles, columns)));
}

std::map<std::string, TileMatrix> whole_tiles(const Module& model,
                                              const std::vector<std::string>& weights) {
  std::map<std::string, TileMatrix> tiles;
  for (const Parameter& parameter : model.parameters())
    if (std::find(weights.begin(), weights.end(), parameter.name) != weights.end())
      tiles[parameter.name] = pack(parameter.tensor, {}, kWholeTile, parameter.groups);
  return tiles;
}

/// The least milliseconds of each of a plan's parts, as InferencePlan::profile() has them: a busy
/// machine disturbs a part now and then, and the whole of a run nearly always.
std::vector<double> fastest_parts(const InferencePlan& plan, const std::vector<Tensor>& batch) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<double> best = plan.profile(batch);
  for (int round = 1; round < kMaxRounds; ++round) {
    const std::vector<double> ms = plan.profile(batch);
    for (size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], ms[i]);
    if (round >= kMinRounds && std::chrono::steady_clock::now() - begin > kEnoughSeconds) break;
  }
  return best;
}

/// The time of the fastest dense plan as a multiple of that of `panels`.
double dense_ratio(Module& model, const std::vector<Tensor>& batch, const InferencePlan& panels) {
  const InferencePlan dense = make_plan(model, batch, {}, {.dense_only = true});
  if (dense.executor() == Executor::panels) return 1;
  const std::vector<double> ms =
      race({[&] { panels.run(batch[0]); }, [&] { dense.run(batch[0]); }}, kRaceMs);
  return std::min(ms[1] / ms[0], 1.0);
}

double time_from(const ordered_json& json, const char* key) {
  const double value = json.at(key).get<double>();
  require(std::isfinite(value) && value >= 0, key, " must be at least 0; got ", value);
  return value;
}

}  // namespace

double SpeedModel::speedup(const std::map<std::string, TileMatrix>& tiles) const {
  double ms = other_ms;
  for (const Layer& layer : layers) {
    const auto found = tiles.find(layer.weight);
    const double sparse = found == tiles.end()
                              ? layer.dense_ms
                              : layer.correction * sparse_ms(costs, found->second, layer.columns);
    ms += std::min(sparse, layer.dense_ms);
  }
  return std::max(1.0, dense_ms / ms);
}

SpeedModel measure_speed(Module& model, const std::vector<Tensor>& batch,
                         const std::vector<std::string>& weights, const CostModel& costs) {
  const NoGrad no_grad;
  const InferencePlan panels =
      make_plan(model, batch, {}, {.executor = Executor::panels, .dense_only = true});
  const std::vector<double> parts = fastest_parts(panels, batch);
  const auto tiles = whole_tiles(model, weights);
  SpeedModel out{.costs = costs};
  double layers_ms = 0;
  for (size_t i = 0; i < panels.steps().size(); ++i) {
    const StepReport& step = panels.steps()[i];
    const auto whole = tiles.find(step.weight);
    if (whole == tiles.end()) continue;
    layers_ms += parts[i];
    // The dense product of panels is that of the whole weight in tiles.
    out.layers.push_back({.weight = step.weight,
                          .columns = step.columns,
                          .dense_ms = parts[i],
                          .correction = parts[i] / sparse_ms(costs, whole->second, step.columns)});
  }
  const double all_ms = std::accumulate(parts.begin(), parts.end(), 0.0);
  out.other_ms = all_ms - layers_ms;
  out.dense_ms = all_ms * dense_ratio(model, batch, panels);
  return out;
}

std::string to_json(const SpeedModel& model) {
  ordered_json layers = ordered_json::array();
  for (const SpeedModel::Layer& layer : model.layers)
    layers.push_back({{"weight", layer.weight},
                      {"columns", layer.columns},
                      {"dense_ms", layer.dense_ms},
                      {"correction", layer.correction}});
  const ordered_json json{{"version", kSpeedModelVersion},
                          {"dense_ms", model.dense_ms},
                          {"other_ms", model.other_ms},
                          {"layers", layers},
                          {"costs", ordered_json::parse(to_json(model.costs))}};
  return json.dump(2) + "\n";
}

SpeedModel parse_speed_model(const std::string& text, const std::string& origin) {
  try {
    const ordered_json json = ordered_json::parse(text);
    require(json.at("version") == kSpeedModelVersion, "version must be ", kSpeedModelVersion,
            "; got ", json.at("version").dump());
    SpeedModel model{.costs = parse_cost_model(json.at("costs").dump(), origin),
                     .dense_ms = time_from(json, "dense_ms"),
                     .other_ms = time_from(json, "other_ms")};
    for (const ordered_json& layer : json.at("layers"))
      model.layers.push_back({.weight = layer.at("weight").get<std::string>(),
                              .columns = layer.at("columns").get<int64_t>(),
                              .dense_ms = time_from(layer, "dense_ms"),
                              .correction = time_from(layer, "correction")});
    return model;
  } catch (const std::exception& error) {
    fail_runtime("[speed] ", origin,
                 " must be what a run with prune.target_speedup wrote; got: ", error.what(),
                 ". Start the run afresh with --overwrite.");
  }
}

}  // namespace tessera

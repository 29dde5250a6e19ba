#include "framework/infer/speed_model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

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
/// Milliseconds to time the two plans in, each time.
constexpr double kPlansBudget = 250;
/// The measurement is repeated so often, or until it has taken so long.
constexpr int kMaxRepeats = 8;
constexpr std::chrono::seconds kEnoughSeconds(3);

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

/// The fastest of several measurements, which a busy machine disturbs one by one.
struct Times {
  std::vector<StepReport> steps;  ///< of the sparse plan
  double sparse_ms, dense_ms;     ///< of the plans as a whole
};

Times fastest_times(Module& model, const std::vector<Tensor>& batch,
                    const std::map<std::string, TileMatrix>& tiles) {
  const bool of_images = batch.size() == 1 && batch[0].dtype() == DType::f32;
  const auto run = [&](const InferencePlan& plan) {
    return [&] { of_images ? plan.run(batch[0]) : plan.run(batch); };
  };
  const InferencePlan dense = make_plan(model, batch, {}, {.dense_only = true});
  const auto begin = std::chrono::steady_clock::now();
  Times best;
  for (int repeat = 0; repeat < kMaxRepeats; ++repeat) {
    // Making a plan measures its layers.
    const InferencePlan sparse = make_plan(model, batch, tiles, {.executor = Executor::panels});
    const std::vector<double> ms = race({run(sparse), run(dense)}, kPlansBudget);
    if (repeat == 0) best = {sparse.steps(), ms[0], ms[1]};
    best.sparse_ms = std::min(best.sparse_ms, ms[0]);
    best.dense_ms = std::min(best.dense_ms, ms[1]);
    for (size_t i = 0; i < best.steps.size(); ++i) {
      best.steps[i].sparse_ms = std::min(best.steps[i].sparse_ms, sparse.steps()[i].sparse_ms);
      best.steps[i].dense_ms = std::min(best.steps[i].dense_ms, sparse.steps()[i].dense_ms);
    }
    if (std::chrono::steady_clock::now() - begin > kEnoughSeconds) break;
  }
  return best;
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
  const auto tiles = whole_tiles(model, weights);
  const Times times = fastest_times(model, batch, tiles);
  SpeedModel out{.costs = costs, .dense_ms = times.dense_ms};
  double layers_ms = 0;
  for (const StepReport& step : times.steps) {
    const auto whole = tiles.find(step.weight);
    if (whole == tiles.end()) continue;
    layers_ms += std::min(step.dense_ms, step.sparse_ms);
    out.layers.push_back(
        {.weight = step.weight,
         .columns = step.columns,
         .dense_ms = step.dense_ms,
         .correction = step.sparse_ms / sparse_ms(costs, whole->second, step.columns)});
  }
  out.other_ms = std::max(times.sparse_ms - layers_ms, 0.0);
  if (layers_ms > times.sparse_ms)  // the machine was slower while they were measured one by one
    for (SpeedModel::Layer& layer : out.layers) {
      layer.dense_ms *= times.sparse_ms / layers_ms;
      layer.correction *= times.sparse_ms / layers_ms;
    }
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

#include "framework/train/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "framework/backend/cpu.h"
#include "framework/core/errors.h"
#include "framework/infer/model_file.h"
#include "framework/io/atomic_file.h"
#include "framework/io/progress.h"
#include "framework/train/pruner.h"
#include "framework/train/task_data.h"
#include "framework/train/unit_selection.h"

namespace tessera {
namespace {

constexpr double kUnreachable = std::numeric_limits<double>::quiet_NaN();

/// What is pruned alone.
struct Target {
  std::string name;   ///< of the weight or, where weights share units, of the layer that has them
  std::string regex;  ///< that finds the weights, and no others
  std::vector<Parameter> weights = {};
};

/// A regular expression that finds names which begin so.
std::string beginning(const std::string& name) {
  std::string out = "^";
  for (const char c : name)
    out += concat(std::isalnum(static_cast<unsigned char>(c)) ? "" : "\\", c);
  return out;
}

/// Every weight that has units of the kind that is asked for; the four of an attention together,
/// where heads are.
std::vector<Target> targets_in(Module& model, const PruneConfig& prune) {
  const UnitsByWeight units = units_of(prune, model);
  std::vector<Target> targets;
  for (const Parameter& weight : model.parameters()) {
    const auto found = units.find(weight.name);
    if (!weight.is_prunable() || (prune.units != "outputs" && found == units.end())) continue;
    Target target{weight.name, beginning(weight.name) + '$'};
    if (prune.units == "heads") {
      target.name = found->second.front().set;
      target.regex = beginning(target.name + '.');
    }
    if (targets.empty() || targets.back().name != target.name) targets.push_back(target);
    targets.back().weights.push_back(weight);
  }
  return targets;
}

/// config.prune for one target alone, by magnitude. Bounds are of what layers have of a whole.
PruneConfig alone(const PruneConfig& prune, const Target& target) {
  PruneConfig config = prune;
  config.include = {target.regex};
  config.exclude.clear();
  config.layer_bounds.clear();
  config.min_per_layer = 0;
  config.max_per_layer = 1;
  config.regrow = 0;
  config.prune_first_and_last = true;
  config.score.type = "magnitude";
  return config;
}

class Scan {
 public:
  Scan(const Config& config, const SensitivityOptions& options)
      : config_(config),
        options_(options),
        file_(read_model_file(options.from)),
        loaded_(load_model(file_, options.from)),
        data_(make_task_data(config)) {
    require(data_.validation != nullptr,
            "[sensitivity] data.validation must be above 0, for layers are judged on validation "
            "data; got 0. Set data.validation=0.1.");
    check_fits("sensitivity", file_.card, data_);
    validation_ = make_loader(config, data_.validation);
  }

  Sensitivity run() {
    Sensitivity result{.metric = metric_of(*data_.validation),
                       .samples = data_.validation->samples(),
                       .layers = {}};
    result.score = score();
    result.rule_sparsity = *std::min_element(
        options_.sparsities.begin(), options_.sparsities.end(), [&](double a, double b) {
          return std::abs(a - config_.prune.sparsity) < std::abs(b - config_.prune.sparsity);
        });
    const std::vector<Target> targets = targets_in(*loaded_.model, config_.prune);
    Progress progress("sensitivity", static_cast<int64_t>(targets.size()), {.unit = "layers"});
    for (const Target& target : targets) {
      result.layers.push_back(scan(target, result));
      progress.update(static_cast<int64_t>(result.layers.size()), target.name);
    }
    progress.finish();
    return result;
  }

 private:
  double score() {
    BatchStream batches(*validation_, Device{});
    return score_task([&](const auto& inputs) { return loaded_.model->forward_batch(inputs); },
                      *data_.validation, batches)
        .value();
  }

  LayerSensitivity scan(const Target& target, const Sensitivity& result) {
    LayerSensitivity out{.name = target.name, .regex = target.regex};
    std::vector<Tensor> before;
    for (const Parameter& weight : target.weights) {
      out.weights += weight.tensor.numel();
      before.push_back(weight.tensor.clone());
    }
    for (const double sparsity : options_.sparsities) {
      out.scores.push_back(pruned_score(target, sparsity));
      for (size_t i = 0; i < before.size(); ++i)
        Tensor(target.weights[i].tensor).copy_from(before[i]);
      if (sparsity == result.rule_sparsity)
        out.suggests_exclusion = loss_of_score(result, out.scores.back()) > options_.max_drop;
    }
    return out;
  }

  static double loss_of_score(const Sensitivity& whole, double score) {
    return whole.metric == Metric::loss ? score - whole.score : whole.score - score;
  }

  double pruned_score(const Target& target, double sparsity) {
    const PruneConfig prune = alone(config_.prune, target);
    Masks current;
    for (const Parameter& weight : target.weights)
      if (const Tensor mask = loaded_.masks.of(weight.name); mask.defined())
        current[weight.name] = mask;
    Masks masks;
    try {
      masks = prune_model(*loaded_.model, prune, sparsity, current, *validation_, 0, 0);
    } catch (const std::invalid_argument&) {
      return kUnreachable;  // the pattern's, since the config and the weights have been checked
    }
    apply_masks(loaded_.model->parameters(), masks);
    return score();
  }

  const Config& config_;
  const SensitivityOptions& options_;
  ModelFile file_;
  LoadedModel loaded_;
  TaskData data_;
  std::unique_ptr<DataLoader> validation_;
};

/// The regexes for prune.exclude.
std::vector<std::string> exclusions(const Sensitivity& result) {
  std::vector<std::string> out;
  for (const LayerSensitivity& layer : result.layers)
    if (layer.suggests_exclusion) out.push_back(layer.regex);
  return out;
}

}  // namespace

Sensitivity scan_sensitivity(const Config& config, const SensitivityOptions& options) {
  require(config.has_prune,
          "[sensitivity] the config must have a section 'prune', whose pattern is scanned; got "
          "none. Add one.");
  require(config.prune.target_speedup == 0,
          "[sensitivity] layers are judged at prune.sparsity; got prune.target_speedup ",
          config.prune.target_speedup,
          ". Add ~prune.target_speedup and prune.sparsity=0.75, or what such a run reached.");
  require(!options.sparsities.empty(),
          "[sensitivity] there must be a sparsity to scan; got none. Use --sparsity 0.5,0.75,0.9.");
  if (config.run.threads > 0) cpu().set_threads(config.run.threads);
  return Scan(config, options).run();
}

std::string sensitivity_table(const Sensitivity& result, const SensitivityOptions& options) {
  std::ostringstream out;
  out << "validation " << name_of(result.metric) << " " << shown(result.metric, result.score)
      << " of " << result.samples
      << " samples; with one layer alone pruned by magnitude, not fine-tuned:\n\n"
      << std::left << std::setw(36) << "weight" << std::right << std::setw(12) << "weights";
  for (const double sparsity : options.sparsities)
    out << std::setw(10) << concat(std::setprecision(4), 100 * sparsity, "%");
  out << "\n";
  for (const LayerSensitivity& layer : result.layers) {
    out << std::left << std::setw(36) << layer.name << std::right << std::setw(12) << layer.weights;
    for (const double score : layer.scores) out << std::setw(10) << shown(result.metric, score);
    out << (layer.suggests_exclusion ? "  exclude" : "") << "\n";
  }
  out << "\nRule: exclude a layer that alone at " << 100 * result.rule_sparsity
      << (result.metric == Metric::loss
              ? concat("% adds more than ", options.max_drop, " nats.\n")
              : concat("% takes more than ", 100 * options.max_drop, " points.\n"));
  const auto names = exclusions(result);
  if (names.empty()) {
    out << "No layer does: nothing is to be excluded.\n";
    return out.str();
  }
  std::string list;
  for (const std::string& name : names) list += concat(list.empty() ? "" : ", ", "'", name, "'");
  out << "Suggested: prune.exclude=\"[" << list << "]\"\n";
  return out.str();
}

void write_sensitivity(const std::filesystem::path& path, const Sensitivity& result,
                       const SensitivityOptions& options) {
  using Json = nlohmann::ordered_json;
  Json layers = Json::array();
  for (const LayerSensitivity& layer : result.layers)
    layers.push_back({{"name", layer.name},
                      {"weights", layer.weights},
                      {"scores", layer.scores},
                      {"exclude", layer.suggests_exclusion}});
  const Json json{{"from", options.from.string()},
                  {"samples", result.samples},
                  {"metric", name_of(result.metric)},
                  {"score", result.score},
                  {"sparsities", options.sparsities},
                  {"rule", {{"sparsity", result.rule_sparsity}, {"max_drop", options.max_drop}}},
                  {"layers", layers},
                  {"exclude", exclusions(result)}};
  write_file_atomically(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace tessera

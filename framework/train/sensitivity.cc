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
#include "framework/train/evaluate.h"
#include "framework/train/pruner.h"
#include "framework/train/task_data.h"

namespace tessera {
namespace {

constexpr double kUnreachable = std::numeric_limits<double>::quiet_NaN();

/// A regular expression that finds this name only.
std::string exactly(const std::string& name) {
  std::string out = "^";
  for (const char c : name)
    out += concat(std::isalnum(static_cast<unsigned char>(c)) ? "" : "\\", c);
  return out + '$';
}

/// config.prune for one layer alone, by magnitude.
PruneConfig alone(const PruneConfig& prune, const std::string& name) {
  PruneConfig config = prune;
  config.include = {exactly(name)};
  config.exclude.clear();
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
    Sensitivity result{.samples = data_.validation->samples(), .layers = {}};
    result.accuracy = accuracy();
    result.rule_sparsity = *std::min_element(
        options_.sparsities.begin(), options_.sparsities.end(), [&](double a, double b) {
          return std::abs(a - config_.prune.sparsity) < std::abs(b - config_.prune.sparsity);
        });
    std::vector<Parameter> layers;
    for (const Parameter& parameter : loaded_.model->parameters())
      if (parameter.is_prunable()) layers.push_back(parameter);
    Progress progress("sensitivity", static_cast<int64_t>(layers.size()), {.unit = "layers"});
    for (Parameter& layer : layers) {
      result.layers.push_back(scan(layer, result));
      progress.update(static_cast<int64_t>(result.layers.size()), layer.name);
    }
    progress.finish();
    return result;
  }

 private:
  double accuracy() {
    BatchStream batches(*validation_, Device{});
    return evaluate([&](const auto& inputs) { return loaded_.model->forward_batch(inputs); },
                    batches)
        .top1;
  }

  LayerSensitivity scan(Parameter& layer, const Sensitivity& result) {
    LayerSensitivity out{.name = layer.name, .weights = layer.tensor.numel()};
    const Tensor before = layer.tensor.clone();
    for (const double sparsity : options_.sparsities) {
      out.accuracy.push_back(pruned_accuracy(layer.name, sparsity));
      layer.tensor.copy_from(before);
      if (sparsity == result.rule_sparsity)
        out.suggests_exclusion = result.accuracy - out.accuracy.back() > options_.max_drop;
    }
    return out;
  }

  double pruned_accuracy(const std::string& name, double sparsity) {
    const PruneConfig prune = alone(config_.prune, name);
    Masks current;
    if (const Tensor mask = loaded_.masks.of(name); mask.defined()) current[name] = mask;
    Masks masks;
    try {
      masks = prune_model(*loaded_.model, prune, sparsity, current, *validation_, 0, 0);
    } catch (const std::invalid_argument&) {
      return kUnreachable;  // the pattern's, since the config and the weights have been checked
    }
    apply_masks(loaded_.model->parameters(), masks);
    return accuracy();
  }

  const Config& config_;
  const SensitivityOptions& options_;
  ModelFile file_;
  LoadedModel loaded_;
  TaskData data_;
  std::unique_ptr<DataLoader> validation_;
};

std::string percent(double fraction) {
  if (std::isnan(fraction)) return "-";
  return concat(std::fixed, std::setprecision(2), 100 * fraction, "%");
}

/// The regexes for prune.exclude.
std::vector<std::string> exclusions(const Sensitivity& result) {
  std::vector<std::string> out;
  for (const LayerSensitivity& layer : result.layers)
    if (layer.suggests_exclusion) out.push_back(exactly(layer.name));
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
  out << "validation accuracy " << percent(result.accuracy) << " of " << result.samples
      << " samples; with one layer alone pruned by magnitude, not fine-tuned:\n\n"
      << std::left << std::setw(36) << "weight" << std::right << std::setw(12) << "weights";
  for (const double sparsity : options.sparsities)
    out << std::setw(10) << concat(std::setprecision(4), 100 * sparsity, "%");
  out << "\n";
  for (const LayerSensitivity& layer : result.layers) {
    out << std::left << std::setw(36) << layer.name << std::right << std::setw(12) << layer.weights;
    for (const double accuracy : layer.accuracy) out << std::setw(10) << percent(accuracy);
    out << (layer.suggests_exclusion ? "  exclude" : "") << "\n";
  }
  out << "\nRule: exclude a layer that alone at " << 100 * result.rule_sparsity
      << "% takes more than " << 100 * options.max_drop << " points.\n";
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
                      {"accuracy", layer.accuracy},
                      {"exclude", layer.suggests_exclusion}});
  const Json json{{"from", options.from.string()},
                  {"samples", result.samples},
                  {"accuracy", result.accuracy},
                  {"sparsities", options.sparsities},
                  {"rule", {{"sparsity", result.rule_sparsity}, {"max_drop", options.max_drop}}},
                  {"layers", layers},
                  {"exclude", exclusions(result)}};
  write_file_atomically(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace tessera

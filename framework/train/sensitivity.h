// How much each layer bears: it alone is pruned by magnitude, nothing is trained, and the metric of
// the task on the validation data (accuracy, F1 of answers, loss of tokens) says what that costs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/io/config.h"
#include "framework/train/task_scores.h"

namespace tessera {

struct SensitivityOptions {
  std::filesystem::path from;                         ///< a model file, dense or sparse
  std::vector<double> sparsities = {0.5, 0.75, 0.9};  ///< ascending
  /// Of accuracy or F1, a fraction; of a loss the nats that it may rise: 0.02 of them are a
  /// perplexity 2% higher.
  double max_drop = 0.02;
};

struct LayerSensitivity {
  std::string name;   ///< of the weight; with prune.units heads, of the attention
  std::string regex;  ///< that finds its weights only: for prune.exclude
  int64_t weights = 0;
  /// Of the model with this layer pruned to each of the sparsities; NaN where the pattern cannot.
  std::vector<double> scores = {};
  bool suggests_exclusion = false;
};

struct Sensitivity {
  Metric metric = Metric::accuracy;
  double score = 0;                      ///< of the model as it is: the metric's value
  int64_t samples = 0;                   ///< of the validation data
  double rule_sparsity = 0;              ///< the scanned sparsity at which exclusions are decided
  std::vector<LayerSensitivity> layers;  ///< every prunable layer, in the model's order
};

/// Scans all prunable layers, excluded ones too, with the pattern, granularity and units of
/// config.prune, and without its bounds. Layers that have none of the units are left out; the
/// weights that share heads are pruned together.
/// The rule: a layer is to be excluded where pruning it alone to the scanned sparsity nearest to
/// prune.sparsity worsens the metric by more than max_drop.
/// Throws: std::invalid_argument for a config without prune or validation data, weights that are
/// not the config's model's, or a model without the units; as make_datasets and read_model_file
/// otherwise.
Sensitivity scan_sensitivity(const Config& config, const SensitivityOptions& options);

/// The table, and below it the suggestion as an override of the config.
std::string sensitivity_table(const Sensitivity& result, const SensitivityOptions& options);

/// JSON, atomically; scores are fractions, or nats of a loss; null where a pattern cannot have the
/// sparsity.
void write_sensitivity(const std::filesystem::path& path, const Sensitivity& result,
                       const SensitivityOptions& options);

}  // namespace tessera

// What a run's folder says of it, read back for reports. An unfinished run yields what is there.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/core/tensor.h"
#include "framework/io/config.h"
#include "framework/train/summary.h"

namespace tessera {

struct MetricPoint {
  int64_t step = 0;  ///< optimizer steps since the run began
  double value = 0;  ///< NaN where the run wrote null
};

/// Where a phase of the plan began.
struct PhaseMark {
  int64_t step = 0;
  std::string name;  ///< "dense", "prune 1/3", "control"
};

/// A prunable layer of the exported model.
struct LayerRecord {
  std::string name;
  Tensor mask;        ///< U8, 1 = kept, in the weight's shape
  int64_t tiles = 0;  ///< dense blocks that it is stored as
  double rms = 0;     ///< root mean square of the weights before pruning
  std::vector<int64_t> all =
      {};  ///< histogram of |weight| / rms before pruning, bins of kMagnitudeBin
  std::vector<int64_t> kept = {};  ///< the part of it that is not pruned

  double sparsity() const;
};

inline constexpr double kMagnitudeBin = 0.125;
inline constexpr size_t kMagnitudeBins = 32;  ///< the last one holds what is larger, too

struct RunRecord {
  std::filesystem::path folder;
  Config config = {};
  std::string config_text = {};
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::optional<Summary> summary = {};                           ///< none: the run is not finished
  std::map<std::string, std::vector<MetricPoint>> metrics = {};  ///< by "<event>/<field>"
  std::vector<PhaseMark> phases = {};
  std::vector<LayerRecord> layers = {};  ///< in the model's order; none before the export
  std::vector<std::string> notes = {};   ///< what could not be read, for the reader of the report

  const std::string& name() const { return config.run.name; }
};

/// Reads the folder of a run. Lines of metrics.jsonl that are no metrics are skipped, with a note
/// that names them. Throws: std::invalid_argument where the folder holds no run;
/// std::runtime_error for a config.yaml, summary.json, environment.json or model file that is
/// damaged.
RunRecord read_run(const std::filesystem::path& folder);

/// summary.json of a run. Throws: std::runtime_error where it is not one.
Summary read_summary(const std::filesystem::path& path);

}  // namespace tessera

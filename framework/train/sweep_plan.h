// What a sweep runs: cells (pattern x sparsity x granularity x seed), each in a folder of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/io/config.h"

namespace tessera {

struct SweepRequest {
  std::filesystem::path config_path;
  std::vector<std::string> overrides = {};
  std::vector<std::string> patterns = {};
  std::vector<double> sparsities = {};
  std::vector<int64_t> granularities = {};  ///< empty: each pattern's own
  std::vector<uint64_t> seeds = {};         ///< empty: run.seed
  int jobs = 1;                             ///< cells at a time
};

struct SweepCell {
  std::string pattern;
  double sparsity = 0;
  int64_t granularity = 0;  ///< 0: not chosen, or the pattern has none
  uint64_t seed = 0;
  std::string refusal = {};  ///< why the pattern cannot have this sparsity; empty: it can

  /// "tw-g64-s0.75": its seeds share it.
  std::string name() const;
};

struct SweepPlan {
  std::filesystem::path folder = {};   ///< run.dir, else runs/<run.name>-sweep
  std::vector<std::string> base = {};  ///< CONFIG and the overrides of the request
  Config config = {};                  ///< without any cell's overrides
  std::vector<uint64_t> seeds = {};
  std::vector<SweepCell> cells = {};
  int64_t control_epochs = 0;  ///< that the dense control trains on: those of pruning

  /// <folder>/<name>/seed-<seed>, where a run of the sweep lives.
  std::filesystem::path folder_of(const std::string& name, uint64_t seed) const;
};

/// Cells that differ in a granularity that makes no difference to the pattern are planned once.
/// Throws: ConfigError and std::invalid_argument for an unknown pattern, an impossible value, a
/// config without prune, or one whose schedule is a list, which cannot follow the sparsities.
SweepPlan plan_sweep(const SweepRequest& request);

/// The arguments after the program's name that run a part of the plan, restartable.
std::vector<std::string> dense_arguments(const SweepPlan& plan, uint64_t seed);
std::vector<std::string> control_arguments(const SweepPlan& plan, uint64_t seed);
std::vector<std::string> cell_arguments(const SweepPlan& plan, const SweepCell& cell);

}  // namespace tessera

// What the runs of a sweep have reached, as data, as files and as a page.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/train/metric.h"
#include "framework/train/summary.h"
#include "framework/train/sweep_plan.h"

namespace tessera {

struct SweepResult {
  enum class State { done, failed, not_reachable };
  SweepCell cell;
  State state = State::done;
  std::string note = {};  ///< why not done
  Summary summary = {};   ///< of a done cell; its times are those measured after the sweep
};

const char* name_of(SweepResult::State state);

struct SweepControl {
  uint64_t seed = 0;
  double score_before = 0;  ///< on test data, of the dense model that the cells start from
  double score = 0;         ///< of the control
};

struct SweepResults {
  std::filesystem::path folder;
  Metric metric = Metric::accuracy;  ///< that scores are of
  std::vector<SweepResult> cells;    ///< by pattern, granularity, sparsity, seed
  std::vector<SweepControl> controls;
};

/// Every finished cell and control in the folder, and of `others` those that are none of these.
SweepResults collect_sweep(const std::filesystem::path& folder,
                           const std::vector<SweepResult>& others);

/// Times the models of the done cells that have not been timed, against their dense twins, and
/// keeps the times in timing.json of each run. `threads`: 0: all processors.
/// Throws: Interrupted between two models on a signal.
void time_sweep(const std::filesystem::path& folder, int threads);

/// The seeds of one cell taken together.
struct SweepGroup {
  SweepCell cell;  ///< of the first seed
  int64_t seeds = 0;
  double sparsity = 0, score = 0, speedup = 0;  ///< means
  double score_spread = 0;                      ///< sample standard deviation; 0 for one seed
  double speedup_spread = 0;
};

/// Of the done cells, in the order of the results.
std::vector<SweepGroup> group_seeds(const SweepResults& results);

/// results.json, results.csv and report.html in the folder, each atomically.
void write_sweep_results(const SweepResults& results);

/// The page. It takes pictures of layers, the configuration and the machine from the runs' folders.
std::string sweep_report(const SweepResults& results);

}  // namespace tessera

// The stages of iterative pruning: to which sparsity each one prunes and how long it is fine-tuned.
#pragma once

#include <vector>

#include "framework/io/config.h"

namespace tessera {

struct PruneStage {
  double sparsity;  ///< after this stage's pruning
  Duration window;  ///< of fine-tuning after it
  double lr;        ///< at the start of this fine-tuning
};

/// The stages of prune.schedule from the sparsity `start` of the present masks to prune.sparsity:
///   one_shot  one stage
///   linear    start + (s - start) * t/n,            t = 1..n = schedule.stages
///   cubic     s + (start - s) * (1 - t/n)^3         (Zhu and Gupta, 2017)
///   list      schedule.sparsities above `start`; the last one must be prune.sparsity
/// Stages of linear and cubic schedules that the pattern cannot have (2:4 at 30%) are moved to the
/// nearest it can, or left out where that is no step; those of a list must be ones it can have.
/// Throws std::invalid_argument for an unknown schedule or an impossible value.
std::vector<PruneStage> plan_stages(const PruneConfig& config, double start = 0);

}  // namespace tessera

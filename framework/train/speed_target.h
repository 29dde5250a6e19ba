// prune.target_speedup: the sparsity that a predicted speed-up needs. Weights are scored once; the
// bisection over the sparsity only ranks them again.
//
// The plan of the stages is made before training, from magnitudes of the weights to start from: its
// last stage has the sparsity that the target needs by them. Each stage finds that sparsity again
// from its own scores, and goes the share of the way to it that it was planned to; the last one
// goes all the way.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/infer/speed_model.h"
#include "framework/train/pruner.h"

namespace tessera {

struct SparsityRange {
  double lowest = 0, highest = 1;
};

/// The least sparsity of the range, to within 0.05 point, at which `speedup_at`, which rises, is at
/// least `target`; the highest one where it is nowhere.
double solve_sparsity(double target, const SparsityRange& range,
                      const std::function<double(double sparsity)>& speedup_at);

struct SpeedSolution {
  Masks masks = {};
  double sparsity = 0;  ///< asked of the masks
  double speedup = 1;   ///< predicted
};

class SpeedTarget {
 public:
  /// The config must outlive it.
  SpeedTarget(const PruneConfig& config, SpeedModel model);

  const SpeedModel& model() const { return model_; }

  /// The masks of least sparsity whose predicted speed-up is at least prune.target_speedup, or
  /// where there are none, those of the highest. Sparsities are ones that the pattern can have.
  SpeedSolution solve(const ModelScores& scores) const;
  /// The masks `share` of the way from the sparsity `start` to that of solve(), which has a share
  /// of 1; never below the present ones.
  SpeedSolution stage(const ModelScores& scores, double start, double share) const;
  /// What masks_at(sparsity) of the scores are predicted.
  SpeedSolution at(const ModelScores& scores, double sparsity) const;

  /// The sparsity that the target needs by these scores, for prune.sparsity.
  /// Throws: std::invalid_argument where the present masks meet the target, and where no sparsity
  /// does, naming the highest speed-up that can be reached.
  double plan(const ModelScores& scores) const;

 private:
  const PruneConfig& config_;
  SpeedModel model_;
};

/// The cost model of the kernels of this process: the file of `tessera bench --calibrate` where one
/// was written for the same instruction set and threads, else measured here.
struct MachineCosts {
  CostModel costs;
  std::string origin;  ///< for the user
};
MachineCosts machine_costs();

}  // namespace tessera

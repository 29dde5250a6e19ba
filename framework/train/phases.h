// The plan of a run: training segments one after the other. Dense training, one segment for each
// pruning stage, and the dense control differ only in these fields, so one loop runs them all and a
// position in the plan is all that a resume needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/io/config.h"
#include "optim/schedule.h"

namespace tessera {

struct Phase {
  enum class Kind {
    dense,    ///< ordinary training
    prune,    ///< prunes to `sparsity` first, then fine-tunes with the masks held
    control,  ///< the dense model trained on for the steps that pruning took
  };
  Kind kind = Kind::dense;
  std::string name;                ///< "dense", "prune 2/5", "control"
  double sparsity = 0;             ///< prune: share of zeros to reach
  double share = 0;                ///< prune to a speed-up: of the way to its sparsity; 0: no such
  int64_t steps = 0;               ///< optimizer steps; 0: prunes only
  OptimizerConfig optimizer = {};  ///< with the learning rate before the schedule's factor
  SchedulerConfig scheduler = {};
  int64_t schedule_steps = 0;       ///< of the schedule's whole curve; 0: those of the phase
  int64_t schedule_from = 0;        ///< where on the curve it starts (prune.rewind)
  EarlyStopConfig early_stop = {};  ///< on validation accuracy
  bool distills = false;            ///< learns from the teacher, too
  double dropout_factor = 1;        ///< of the model's probabilities of dropout
  int64_t first_epoch = 0;          ///< keys the order of the data: no two phases see the same one
  bool selects_best = false;        ///< ends with the weights that were best on validation data
};

/// The step on the curve of the learning rate at step `step` of the phase. Where the curve ends
/// before the phase, it starts again from schedule_from.
int64_t schedule_step(const Phase& phase, int64_t step);

/// The curve. A control that early stops made shorter than the warm-up goes without one.
/// REQUIRES: phase.steps >= 1.  Throws as Schedule.
Schedule schedule_of(const Phase& phase, int64_t steps_per_epoch);

/// The phase after `pruning_steps` of fine-tuning, which early stops may have made fewer than
/// planned: a control takes as many.
Phase as_run(Phase phase, int64_t pruning_steps);

/// Which of the segments a command runs.
enum class Command { run, train, prune };

const char* name_of(Command command);

/// `start_sparsity` is that of the weights that pruning starts from.
/// REQUIRES: steps_per_epoch >= 1; config.has_prune for run and prune.
std::vector<Phase> plan_phases(const Config& config, Command command, int64_t steps_per_epoch,
                               double start_sparsity = 0);

}  // namespace tessera

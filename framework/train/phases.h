// The plan of a run: training segments one after the other. Dense training, one segment for each
// pruning stage, and the dense control differ only in these fields, so one loop runs them all and a
// position in the plan is all that a resume needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/io/config.h"

namespace tessera {

struct Phase {
  enum class Kind {
    dense,    ///< ordinary training
    prune,    ///< prunes to `sparsity` first, then fine-tunes with the masks held
    control,  ///< the dense model trained on for the epochs that pruning took
  };
  Kind kind = Kind::dense;
  std::string name;     ///< "dense", "prune 2/5", "control"
  double sparsity = 0;  ///< prune: share of zeros to reach
  int64_t steps = 0;    ///< optimizer steps; 0: prunes only
  double lr = 0;        ///< at the start, before the schedule's factor
  SchedulerConfig scheduler;
  int64_t first_epoch = 0;    ///< keys the order of the data: no two phases see the same one
  bool selects_best = false;  ///< ends with the weights that were best on validation data
};

/// Which of the segments a command runs.
enum class Command { run, train, prune };

const char* name_of(Command command);

/// `start_sparsity` is that of the weights that pruning starts from.
/// REQUIRES: steps_per_epoch >= 1; config.has_prune for run and prune.
std::vector<Phase> plan_phases(const Config& config, Command command, int64_t steps_per_epoch,
                               double start_sparsity = 0);

}  // namespace tessera

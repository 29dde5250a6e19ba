#include "framework/train/phases.h"

#include <algorithm>
#include <cmath>

#include "framework/core/errors.h"
#include "pruning/stages.h"

namespace tessera {
namespace {

/// A window that is not empty has at least one step.
int64_t steps_in(double epochs, int64_t steps_per_epoch) {
  if (epochs == 0) return 0;
  return std::max<int64_t>(1, std::llround(epochs * static_cast<double>(steps_per_epoch)));
}

}  // namespace

const char* name_of(Command command) {
  switch (command) {
    case Command::run:
      return "run";
    case Command::train:
      return "train";
    case Command::prune:
      return "prune";
  }
  return "?";
}

std::vector<Phase> plan_phases(const Config& config, Command command, int64_t steps_per_epoch,
                               double start_sparsity) {
  require(steps_per_epoch >= 1, "[plan] an epoch must have at least one step; got none. ",
          "Use more training samples.");
  require(command == Command::train || config.has_prune, "[plan] ", name_of(command),
          " needs the section prune; got a config without it. Add it, or use train.");
  std::vector<Phase> phases;
  int64_t epoch = 0;
  const auto append = [&](Phase phase) {
    phase.first_epoch = epoch;
    epoch += (phase.steps + steps_per_epoch - 1) / steps_per_epoch;
    phases.push_back(std::move(phase));
  };

  if (command != Command::prune) {
    append({.kind = Phase::Kind::dense,
            .name = "dense",
            .steps = steps_in(static_cast<double>(config.train.epochs), steps_per_epoch),
            .lr = config.optimizer.lr,
            .scheduler = config.scheduler,
            .selects_best = true});
  }
  if (command == Command::train) return phases;

  SchedulerConfig cosine;
  cosine.type = "cosine";
  const auto stages = plan_stages(config.prune, start_sparsity);
  int64_t pruning_steps = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    append({.kind = Phase::Kind::prune,
            .name = concat("prune ", i + 1, "/", stages.size()),
            .sparsity = stages[i].sparsity,
            .steps = steps_in(stages[i].epochs, steps_per_epoch),
            .lr = stages[i].lr,
            .scheduler = cosine,
            .selects_best = i + 1 == stages.size()});
    pruning_steps += phases.back().steps;
  }
  if (config.prune.dense_control) {
    append({.kind = Phase::Kind::control,
            .name = "control",
            .steps = pruning_steps,
            .lr = config.prune.fine_tune.lr,
            .scheduler = cosine,
            .selects_best = true});
  }
  return phases;
}

}  // namespace tessera

#include "framework/train/phases.h"

#include <algorithm>

#include "framework/core/errors.h"
#include "pruning/stages.h"

namespace tessera {
namespace {

/// A window that is not empty has at least one step.
int64_t steps_in(const Duration& window, int64_t steps_per_epoch) {
  if (window.count == 0) return 0;
  return std::max<int64_t>(1, steps_of(window, steps_per_epoch));
}

/// What all fine-tuning has in common: `phase` with the schedule of its `window`, or the rewound
/// one.
Phase fine_tuning(Phase phase, const Config& config, const Duration& window, double lr,
                  int64_t steps_per_epoch) {
  const PruneConfig& prune = config.prune;
  phase.optimizer = prune.fine_tune.optimizer;
  phase.optimizer.lr = lr;
  phase.scheduler = prune.fine_tune.scheduler;
  phase.steps = steps_in(window, steps_per_epoch);
  if (!prune.rewind) return phase;
  phase.optimizer.lr = config.optimizer.lr;
  phase.scheduler = config.scheduler;
  phase.schedule_steps = config.train.epochs * steps_per_epoch;
  phase.schedule_from = steps_of(prune.rewind_to, steps_per_epoch);
  require(phase.schedule_from < phase.schedule_steps,
          "[plan] prune.rewind_to must lie before the end of the dense training; got step ",
          phase.schedule_from, " of ", phase.schedule_steps, ". Lower it.");
  phase.steps = phase.schedule_steps - phase.schedule_from;
  return phase;
}

/// Of the way from `start` to the sparsity that prune.target_speedup needs; 0 without one.
double share_of(double sparsity, const PruneConfig& prune, double start) {
  if (prune.target_speedup == 0) return 0;
  const bool is_last = sparsity >= prune.sparsity;
  return is_last ? 1 : (sparsity - start) / (prune.sparsity - start);
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
            .steps = config.train.epochs * steps_per_epoch,
            .optimizer = config.optimizer,
            .scheduler = config.scheduler,
            .selects_best = true});
  }
  if (command == Command::train) return phases;

  const auto stages = plan_stages(config.prune, start_sparsity);
  int64_t pruning_steps = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    append(fine_tuning({.kind = Phase::Kind::prune,
                        .name = concat("prune ", i + 1, "/", stages.size()),
                        .sparsity = stages[i].sparsity,
                        .share = share_of(stages[i].sparsity, config.prune, start_sparsity),
                        .early_stop = config.prune.fine_tune.early_stop,
                        .distills = config.prune.distill.alpha > 0,
                        .dropout_factor = config.prune.fine_tune.dropout,
                        .selects_best = i + 1 == stages.size()},
                       config, stages[i].window, stages[i].lr, steps_per_epoch));
    pruning_steps += phases.back().steps;
  }
  if (config.prune.dense_control)
    append(
        as_run(fine_tuning({.kind = Phase::Kind::control, .name = "control", .selects_best = true},
                           config, {}, config.prune.fine_tune.lr, steps_per_epoch),
               pruning_steps));
  return phases;
}

int64_t schedule_step(const Phase& phase, int64_t step) {
  const int64_t steps = phase.schedule_steps > 0 ? phase.schedule_steps : phase.steps;
  return phase.schedule_from + step % (steps - phase.schedule_from);
}

Schedule schedule_of(const Phase& phase, int64_t steps_per_epoch) {
  const int64_t steps = phase.schedule_steps > 0 ? phase.schedule_steps : phase.steps;
  SchedulerConfig scheduler = phase.scheduler;
  const bool fits = steps_of(scheduler.warmup, steps_per_epoch) < steps;
  if (phase.kind == Phase::Kind::control && !fits) scheduler.warmup = {0};
  return {scheduler, phase.optimizer.lr, steps, steps_per_epoch};
}

Phase as_run(Phase phase, int64_t pruning_steps) {
  if (phase.kind == Phase::Kind::control) phase.steps = pruning_steps;
  return phase;
}

}  // namespace tessera

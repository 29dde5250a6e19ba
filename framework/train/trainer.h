// The training loop: runs a plan of phases (framework/train/phases.h) over one model.
//
// After every step the masks hold: gradients are masked before their norm is taken for clipping,
// and the optimizer leaves pruned weights at exactly zero. Checkpoints are taken between steps, and
// a run that goes on from one ends in the same weights, bit for bit, at the same thread count. They
// are written and read through the cpu: a run may go on on another device. Early stopping looks at
// validation data only; what it has seen is part of the state.
//
// On a CUDA device the host only queues the steps: loss and accuracy are read for a metric line, at
// the end of an epoch and before a checkpoint, and a loss that is not finite is noticed then.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datasets/data_loader.h"
#include "framework/train/batch_stream.h"
#include "framework/train/phases.h"
#include "framework/train/run_directory.h"
#include "framework/train/run_log.h"
#include "framework/train/speed_target.h"
#include "framework/train/train_step.h"
#include "framework/train/training_state.h"
#include "layers/module.h"
#include "optim/ema.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

namespace tessera {

class Trainer {
 public:
  /// What the caller does in a phase, with the phase's weights in the model.
  struct Hooks {
    std::function<void()> improved = nullptr;  ///< with the best weights so far in the model
    std::function<void(const Phase&)> before;  ///< before it prunes or trains
    std::function<void(const Phase&)> after;   ///< with the final (selected) weights
  };

  /// The references must outlive the trainer. `validation` may be null: then no weights are
  /// selected, and the last ones stand. The model is on `device`.
  Trainer(const Config& config, Module& model, DataLoader& train, DataLoader* validation,
          const RunDirectory& directory, Device device = {});

  /// Runs what is left of the phases. Throws: Interrupted after saving, on a signal;
  /// std::runtime_error for a loss that is not finite, naming the step, the learning rate and the
  /// last checkpoint.
  void run(const std::vector<Phase>& phases, RunLog& log, const Hooks& hooks);

  /// Takes up the latest checkpoint of the run's folder; false where there is none.
  /// Throws: std::invalid_argument where that checkpoint's run learnt from other data.
  bool resume();

  /// Optimizer steps of an epoch: whole groups of train.accumulate batches.
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t total_steps() const { return state_.total_steps; }
  /// Index in the plan of the phase under way; the plan's length after the last one.
  size_t phase() const { return static_cast<size_t>(state_.phase); }
  const Masks& masks() const { return state_.masks; }
  /// Of the weights to start from; dense training holds them, and pruning goes on from them.
  void set_masks(Masks masks) { state_.masks = std::move(masks); }
  /// The model file of the dense weights, for phases that distil; it must be there when the first
  /// of them begins, and stay as it is.
  void set_teacher(std::filesystem::path file) { teacher_file_ = std::move(file); }
  /// What the run learns from: fingerprint_of() its data. Checkpoints carry it.
  void set_data(std::string fingerprint) { state_.data = std::move(fingerprint); }
  /// For phases with a share of the way to a speed-up, from the sparsity `start` on; it must
  /// outlive the trainer.
  void set_speed_target(const SpeedTarget* target, double start) {
    speed_target_ = target;
    start_sparsity_ = start;
  }
  /// Of the run so far, over all its processes.
  double seconds() const;

 private:
  void begin_phase(const Phase& phase, RunLog& log, const Hooks& hooks);
  void prune(const Phase& phase, RunLog& log);
  void prepare_phase(const Phase& phase);
  void run_steps(const Phase& phase, RunLog& log, const Hooks& hooks);
  void say_once(RunLog& log, const std::string& graph_failure);
  void start_metrics();
  void read_metrics();
  void check_weights() const;
  void end_epoch(const Phase& phase, RunLog& log, const Hooks& hooks);
  double lr(int64_t step) const { return schedule_->lr(schedule_step(phase_, step)); }
  void validate(RunLog& log, std::string& line, const Hooks& hooks);
  void take_final_weights(const Phase& phase);
  void save();

  const Config& config_;
  Module& model_;
  const std::vector<Parameter> parameters_;
  DataLoader& train_;
  const RunDirectory& directory_;
  const Device device_;
  BatchStream batches_;
  std::optional<BatchStream> validation_;
  const BatchSource* validation_source_ = nullptr;
  TrainStep step_;
  int64_t steps_per_epoch_;
  double seconds_at_start_;

  TrainingState state_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<Ema> average_;
  std::optional<Schedule> schedule_;
  std::optional<Teacher> teacher_;
  std::filesystem::path teacher_file_;
  const SpeedTarget* speed_target_ = nullptr;
  double start_sparsity_ = 0;
  Phase phase_;  ///< under way

  int64_t metrics_from_ = 0;  ///< the phase's step that the sums of step_ start at
  double step_loss_ = 0;      ///< of the last step whose metrics were read
  bool said_graph_failure_ = false;
};

}  // namespace tessera

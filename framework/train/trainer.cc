#include "framework/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <utility>

#include "framework/io/progress.h"
#include "framework/train/interrupt.h"
#include "framework/train/pruner.h"
#include "framework/train/task_scores.h"
#include "layers/precision.h"

namespace tessera {
namespace {

// Steps between two lines of metrics.jsonl: frequent enough for a curve, rare enough to cost
// nothing.
constexpr int64_t kStepsPerMetric = 10;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// On the cpu, whatever device the tensors are on.
TensorMap copy_of(const TensorMap& tensors) {
  TensorMap copy;
  for (const auto& [name, tensor] : tensors)
    copy[name] = tensor.device().is_cpu() ? tensor.clone() : tensor.to(Device{});
  return copy;
}

std::string percent(double fraction) {
  return concat(std::fixed, std::setprecision(2), 100 * fraction, "%");
}

/// Where to go on after a run diverged: the end of the error.
std::string after_divergence(const RunDirectory& directory) {
  const auto checkpoints = directory.checkpoints();
  const std::string advice = "lower optimizer.lr, add scheduler.warmup, or set train.clip_norm";
  if (checkpoints.empty())
    return concat(". There is no good checkpoint yet: begin again, and ", advice, ".");
  return concat(". The last good checkpoint is ", checkpoints.front().string(),
                ": begin again, or start another run from it with --from; either way ", advice,
                ".");
}

/// The first tensor of f32 that holds a value that is not finite; empty where none does.
std::string not_finite_in(const TensorMap& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dtype() != DType::f32) continue;
    const Tensor values = tensor.to(Device{});
    const float* const data = values.data<float>();
    if (!std::all_of(data, data + values.numel(), [](float value) { return std::isfinite(value); }))
      return name;
  }
  return {};
}

/// Of several checkpoints, names the one before a broken one, too.
TrainingState load_newest(const std::vector<std::filesystem::path>& checkpoints) {
  try {
    return load_training_state(checkpoints.front());
  } catch (const std::runtime_error& error) {
    fail_runtime(error.what(), " Delete it ",
                 checkpoints.size() > 1 ? "to go on from " + checkpoints[1].string()
                                        : std::string("and start afresh with --overwrite"),
                 ".");
  }
}

}  // namespace

Trainer::Trainer(const Config& config, Module& model, DataLoader& train, DataLoader* validation,
                 const RunDirectory& directory, Device device)
    : config_(config),
      model_(model),
      parameters_(model.parameters()),
      train_(train),
      directory_(directory),
      device_(device),
      batches_(train, device),
      step_(config, model, device),
      steps_per_epoch_(train.batches() / config.train.accumulate),
      seconds_at_start_(now()) {
  if (validation != nullptr) {
    validation_.emplace(*validation, device);
    validation_source_ = &validation->source();
  }
  require(steps_per_epoch_ >= 1, "[train] an epoch must hold at least one step; got ",
          train.source().samples(), " samples for batches of ", config.data.batch_size,
          " accumulated ", config.train.accumulate,
          " times. Use more samples (data.train_samples) or a smaller data.batch_size.");
}

bool Trainer::resume() {
  const auto checkpoints = directory_.checkpoints();
  if (checkpoints.empty()) return false;
  std::string data = std::move(state_.data);
  state_ = load_newest(checkpoints);
  require(state_.data.empty() || data.empty() || state_.data == data,
          "[run] a resumed run must learn from the data and the vocabulary that it was begun with; "
          "was ",
          state_.data, "; is ", data,
          ". Restore the files, start afresh with --overwrite, or use another run.dir.");
  state_.data = std::move(data);
  model_.load_state_dict(state_.model);
  check_masks(parameters_, state_.masks);
  step_.load_state(state_.loss_scale);
  return true;
}

double Trainer::seconds() const { return state_.seconds + (now() - seconds_at_start_); }

void Trainer::run(const std::vector<Phase>& phases, RunLog& log, const Hooks& hooks) {
  InterruptScope signals;
  while (state_.phase < static_cast<int64_t>(phases.size())) {
    const Phase phase = as_run(phases[static_cast<size_t>(state_.phase)], state_.pruning_steps);
    if (state_.step == 0) begin_phase(phase, log, hooks);
    if (phase.steps > 0) {
      prepare_phase(phase);
      run_steps(phase, log, hooks);
      step_.end();
    }
    take_final_weights(phase);
    optimizer_.reset();
    average_.reset();
    hooks.after(phase);
    ++state_.phase;
    state_.step = 0;
    save();
  }
}

void Trainer::begin_phase(const Phase& phase, RunLog& log, const Hooks& hooks) {
  hooks.before(phase);
  log.add("phase", state_.total_steps, {{"name", phase.name}});
  state_.best.clear();
  state_.best_accuracy = -1;
  state_.early_stop = {};
  state_.optimizer.clear();
  state_.average.clear();
  state_.epoch_loss = 0;
  state_.epoch_correct = state_.epoch_samples = 0;
  if (phase.kind == Phase::Kind::control) state_.masks.clear();
  if (phase.kind == Phase::Kind::prune) prune(phase, log);
}

void Trainer::prune(const Phase& phase, RunLog& log) {
  const ModelScores scores(model_, config_.prune, state_.masks, train_, phase.first_epoch,
                           config_.train.label_smoothing);
  SpeedSolution solution{.masks = {}, .sparsity = phase.sparsity};
  const bool by_speed = phase.share > 0;
  if (by_speed)
    solution = speed_target_->stage(scores, start_sparsity_, phase.share);
  else
    solution.masks = scores.masks_at(phase.sparsity);
  state_.masks = std::move(solution.masks);
  apply_masks(parameters_, to_device(state_.masks, device_));
  const double reached = sparsity(state_.masks);
  MetricFields fields{{"sparsity", reached}, {"asked", solution.sparsity}};
  if (by_speed) fields.push_back({"predicted_speedup", solution.speedup});
  log.add("prune", state_.total_steps, fields);
  std::string line = concat(phase.name, ": ", config_.prune.pattern, " to ", percent(reached),
                            " sparsity (asked ", percent(solution.sparsity), ")");
  if (by_speed)
    line += concat(", predicted to be ", std::fixed, std::setprecision(2), solution.speedup,
                   " times as fast as the dense model");
  log.say(line);
  if (phase.share == 1 && solution.speedup < config_.prune.target_speedup)
    log.say(concat(phase.name, ": by its scores no sparsity is predicted to be ",
                   config_.prune.target_speedup,
                   " times as fast; this is the highest that can be reached"));
}

/// Sets up what follows from the position in the plan, or stands in the state.
void Trainer::prepare_phase(const Phase& phase) {
  phase_ = phase;
  optimizer_ = make_optimizer(phase.optimizer, parameters_);
  schedule_ = schedule_of(phase, steps_per_epoch_);
  teacher_.reset();
  if (phase.distills)
    teacher_.emplace(teacher_file_, state_.teacher, config_.prune.distill, step_.dtype(), device_);
  if (config_.train.ema > 0) average_.emplace(model_, config_.train.ema);
  step_.begin(*optimizer_, average_ ? &*average_ : nullptr, to_device(state_.masks, device_),
              teacher_ ? &*teacher_ : nullptr, phase.dropout_factor);
  start_metrics();
  if (state_.step == 0) return;
  optimizer_->load_state(state_.optimizer);
  if (average_) average_->load_state(state_.average);
}

void Trainer::run_steps(const Phase& phase, RunLog& log, const Hooks& hooks) {
  const int64_t checkpoint_steps =
      std::max<int64_t>(1, steps_of(config_.checkpoint.every, steps_per_epoch_));
  Progress progress(phase.name, phase.steps,
                    {.unit = train_.source().unit(),
                     .units_per_step = train_.source().units_per_batch() *
                                       static_cast<double>(config_.train.accumulate)});
  progress.start_at(state_.step);
  bool epoch_is_open = false;
  while (state_.step < phase.steps && !state_.early_stop.stops(phase.early_stop)) {
    if (!epoch_is_open) {
      batches_.begin(phase.first_epoch + state_.step / steps_per_epoch_,
                     state_.step % steps_per_epoch_ * config_.train.accumulate);
      epoch_is_open = true;
    }
    const double rate = lr(state_.step);
    step_.run(batches_, state_.total_steps, rate);
    ++state_.step;
    ++state_.total_steps;
    state_.pruning_steps += phase.kind == Phase::Kind::prune;
    if (!step_.graph_failure().empty()) say_once(log, step_.graph_failure());
    const bool is_metric_step = state_.total_steps % kStepsPerMetric == 0;
    if (is_metric_step || device_.is_cpu()) read_metrics();
    progress.update(state_.step, concat(std::setprecision(3), "loss ", step_loss_, "  lr ", rate));
    if (is_metric_step) log.add("train", state_.total_steps, {{"loss", step_loss_}, {"lr", rate}});
    if (state_.step % steps_per_epoch_ == 0 || state_.step == phase.steps) {
      progress.clear();
      end_epoch(phase, log, hooks);
      epoch_is_open = false;
    }
    if (const char* signal = InterruptScope::pending()) {
      save();
      throw Interrupted(concat("[train] stopped by ", signal, " at step ", state_.total_steps,
                               "; everything is saved. Continue with --resume auto."));
    }
    if (state_.step % checkpoint_steps == 0 && state_.step < phase.steps) save();
  }
  progress.finish();
}

void Trainer::say_once(RunLog& log, const std::string& graph_failure) {
  if (said_graph_failure_) return;
  said_graph_failure_ = true;
  log.say("cuda graphs: off, each step is queued anew: " + graph_failure);
}

/// Lets the sums of step_ go on from the state's.
void Trainer::start_metrics() {
  metrics_from_ = state_.step;
  step_.sums().set({.loss = state_.epoch_loss,
                    .step_loss = step_loss_ * static_cast<double>(config_.train.accumulate),
                    .top1 = state_.epoch_correct,
                    .samples = state_.epoch_samples});
}

/// Brings the sums into the state. Throws where a loss was not finite.
void Trainer::read_metrics() {
  const MetricValues values = step_.sums().read();
  if (values.first_bad >= 0) {
    const int64_t done = values.first_bad / config_.train.accumulate;
    const int64_t before = state_.total_steps - (state_.step - metrics_from_) + done;
    fail_runtime("[train] the loss must stay finite; got ", values.bad_loss, " at step ",
                 before + 1, " with learning rate ", lr(metrics_from_ + done),
                 after_divergence(directory_));
  }
  state_.epoch_loss = values.loss;
  state_.epoch_correct = values.top1;
  state_.epoch_samples = values.samples;
  step_loss_ = values.step_loss / static_cast<double>(config_.train.accumulate);
}

/// A step may end in weights that are not finite while its own loss was.
void Trainer::check_weights() const {
  const std::string name = not_finite_in(model_.state_dict());
  if (name.empty()) return;
  fail_runtime("[train] the weights must stay finite; got others in ", name, " after step ",
               state_.total_steps, " with learning rate ", lr(state_.step - 1),
               after_divergence(directory_));
}

void Trainer::end_epoch(const Phase& phase, RunLog& log, const Hooks& hooks) {
  read_metrics();
  check_weights();
  const auto samples = static_cast<double>(std::max<int64_t>(state_.epoch_samples, 1));
  const double train_loss = state_.epoch_loss / samples;
  const double train_accuracy = static_cast<double>(state_.epoch_correct) / samples;
  state_.epoch_loss = 0;
  state_.epoch_correct = state_.epoch_samples = 0;
  start_metrics();
  log.add("epoch", state_.total_steps, {{"loss", train_loss}, {"accuracy", train_accuracy}});
  std::string line =
      concat(phase.name, " epoch ", (state_.step + steps_per_epoch_ - 1) / steps_per_epoch_, "/",
             (phase.steps + steps_per_epoch_ - 1) / steps_per_epoch_, ": loss ",
             std::setprecision(4), train_loss, ", train accuracy ", percent(train_accuracy));
  if (validation_) validate(log, line, hooks);
  log.say(line);
  if (state_.step == phase.steps || !state_.early_stop.stops(phase.early_stop)) return;
  log.add("early_stop", state_.total_steps, {{"steps_left", phase.steps - state_.step}});
  const Metric metric = metric_of(*validation_source_);
  log.say(concat(phase.name, " stops early: validation ", name_of(metric), " has not ",
                 metric == Metric::loss ? "fallen" : "risen", " for ", phase.early_stop.patience,
                 " epochs"));
}

/// Keeps the weights that are the best so far; adds the accuracy to the epoch's line.
void Trainer::validate(RunLog& log, std::string& line, const Hooks& hooks) {
  if (average_) average_->swap(model_);
  model_.set_training(false);
  const TaskScores scores =
      score_task([&](const auto& inputs) { return forward_in(step_.dtype(), model_, inputs); },
                 *validation_source_, *validation_);
  const Evaluation& result = scores.evaluation;
  const double score = scores.rank();
  MetricFields fields = {{"loss", result.loss}, {"accuracy", result.top1}, {"top5", result.top5}};
  if (scores.text.exact_match) fields.emplace_back("exact_match", *scores.text.exact_match);
  if (scores.text.f1) fields.emplace_back("f1", *scores.text.f1);
  state_.early_stop.add(score, phase_.early_stop);
  if (score > state_.best_accuracy) {
    state_.best_accuracy = score;
    state_.best = copy_of(model_.state_dict());
    if (hooks.improved) hooks.improved();
  }
  if (average_) average_->swap(model_);
  log.add("validation", state_.total_steps, fields);
  if (scores.metric == Metric::loss)
    line += concat(", validation loss ", std::setprecision(4), result.loss, ", perplexity ",
                   std::exp(result.loss));
  line += concat(", validation accuracy ", percent(result.top1));
  if (scores.metric == Metric::f1)
    line += concat(", exact match ", percent(*scores.text.exact_match), ", F1 ",
                   percent(*scores.text.f1));
}

/// The phase's result: the weights that did best on validation data, where there is a choice; else
/// the last ones, averaged where an average is kept.
void Trainer::take_final_weights(const Phase& phase) {
  if (phase.selects_best && !state_.best.empty()) {
    model_.load_state_dict(state_.best);
  } else if (phase.selects_best && average_) {
    average_->swap(model_);
  }
}

void Trainer::save() {
  if (state_.step > 0) {
    read_metrics();
    check_weights();
  }
  state_.model = model_.state_dict();
  if (optimizer_) state_.optimizer = optimizer_->state();
  if (average_) state_.average = average_->state();
  state_.loss_scale = step_.state();
  TrainingState saved = state_;
  saved.seconds = seconds();
  save_training_state(directory_.checkpoint(state_.total_steps), saved);
  directory_.keep_latest(config_.checkpoint.keep);
}

}  // namespace tessera

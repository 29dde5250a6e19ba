#include "framework/train/train_step.h"

#include <algorithm>
#include <utility>

#include "framework/autograd/autograd.h"
#include "framework/train/batch_loss.h"
#include "layers/precision.h"
#include "layers/random_scope.h"
#include "layers/transformer.h"
#include "optim/gradients.h"

namespace tessera {
namespace {

// Steps that run before one is recorded: libraries choose their kernels and make their plans.
constexpr int64_t kWarmUpSteps = 3;

Batch copy_of(const Batch& batch) {
  Batch copy{.inputs = {}, .target = batch.target.clone()};
  for (const Tensor& input : batch.inputs) copy.inputs.push_back(input.clone());
  return copy;
}

bool have_equal_shapes(const Batch& a, const Batch& b) {
  return a.target.shape() == b.target.shape() &&
         std::ranges::equal(a.inputs, b.inputs, {}, &Tensor::shape, &Tensor::shape);
}

}  // namespace

TrainStep::TrainStep(const Config& config, Module& model, Device device)
    : config_(config),
      model_(model),
      parameters_(model.parameters()),
      device_(device),
      dtype_(activation_type(config.run, device)),
      sums_(device) {
  if (config.train.checkpoint_activations)
    require(checkpoint_activations(model) > 0,
            "[train] train.checkpoint_activations needs a model with Transformer layers; got ",
            config.model.type, ". Leave it out.");
  if (dtype_ == DType::f16) loss_scale_.emplace(device);
  if (device.is_cpu()) return;
  lr_ = Tensor::zeros({}, {.dtype = DType::f64, .device = device});
  for (int64_t part = 0; part < config.train.accumulate; ++part)
    part_steps_.push_back(Tensor::zeros({}, {.dtype = DType::i32, .device = device}));
}

void TrainStep::begin(Optimizer& optimizer, Ema* average, Masks masks, const Teacher* teacher,
                      double dropout_factor) {
  graph_.reset();
  rounded_.clear();  // the last phase's teacher is among them
  eager_steps_ = 0;
  optimizer_ = &optimizer;
  average_ = average;
  masks_ = std::move(masks);
  teacher_ = teacher;
  dropout_factor_ = dropout_factor;
}

void TrainStep::run(BatchStream& batches, int64_t step, double lr) {
  model_.set_training(true);
  is_replayed_ = false;
  set_device_values(step, lr);
  if (!device_.is_cpu() && config_.run.cuda_graphs && graph_failure_.empty()) {
    run_parts(take_parts(batches), step, lr);
  } else {
    for (int64_t part = 0; part < config_.train.accumulate; ++part) {
      Batch batch;
      require_runtime(batches.next(batch), "[train] the epoch must not end before its last step.");
      if (!add_gradients(batch, step, part)) return;
    }
    update(lr);
  }
  batches.prefetch();
}

void TrainStep::set_device_values(int64_t step, double lr) {
  if (device_.is_cpu()) return;
  lr_.fill(lr);
  for (size_t part = 0; part < part_steps_.size(); ++part)
    part_steps_[part].fill(
        static_cast<double>(step * config_.train.accumulate + static_cast<int64_t>(part)));
}

/// The step's batches, copied to where a recorded step reads them, but for those of another size.
std::vector<Batch> TrainStep::take_parts(BatchStream& batches) {
  recorded_.resize(part_steps_.size());
  std::vector<Batch> parts;
  for (Batch& recorded : recorded_) {
    Batch batch;
    require_runtime(batches.next(batch), "[train] the epoch must not end before its last step.");
    const bool is_larger =
        recorded.inputs.empty() || batch.inputs[0].numel() > recorded.inputs[0].numel();
    if (graph_ == nullptr && is_larger) {
      recorded = copy_of(batch);
      eager_steps_ = 0;
    } else if (have_equal_shapes(batch, recorded)) {
      for (size_t i = 0; i < batch.inputs.size(); ++i)
        recorded.inputs[i].copy_from(batch.inputs[i]);
      recorded.target.copy_from(batch.target);
    } else {
      parts.push_back(copy_of(batch));
      continue;
    }
    parts.push_back(recorded);
  }
  return parts;
}

/// Whether the step's batches are where the recorded step reads them.
bool TrainStep::are_recorded(const std::vector<Batch>& parts) const {
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i].target.id() != recorded_[i].target.id()) return false;
  return true;
}

/// Replays the recorded step, or runs it, and records it once it has run a few times.
void TrainStep::run_parts(const std::vector<Batch>& parts, int64_t step, double lr) {
  const bool can_replay = are_recorded(parts);
  if (can_replay && graph_ == nullptr && eager_steps_++ >= kWarmUpSteps) record(step, lr);
  is_replayed_ = can_replay && graph_ != nullptr;
  if (is_replayed_) return graph_->replay();
  const int64_t before = memory_stats(device_).current_bytes;
  reset_peak_memory(device_);
  compute(parts, step, lr);
  if (can_replay) step_bytes_ = memory_stats(device_).peak_bytes - before;
}

void TrainStep::compute(const std::vector<Batch>& parts, int64_t step, double lr) {
  for (size_t part = 0; part < parts.size(); ++part)
    add_gradients(parts[part], step, static_cast<int64_t>(part));
  update(lr);
}

void TrainStep::record(int64_t step, double lr) {
  if constexpr (kCudaBuild) {
    try {
      graph_ = record_work(
          device_, [&] { compute(recorded_, step, lr); }, step_bytes_);
    } catch (const std::exception& error) {
      model_.zero_grad();
      graph_failure_ = error.what();
    }
  }
}

/// False where the loss is known not to be finite.
bool TrainStep::add_gradients(const Batch& batch, int64_t step, int64_t part) {
  RandomScope random(
      config_.run.seed, static_cast<uint32_t>(step * config_.train.accumulate + part),
      device_.is_cpu() ? Tensor{} : part_steps_[static_cast<size_t>(part)], dropout_factor_);
  const RoundedParameters::Scope rounded_scope(rounded_);
  if (part == 0) rounded_.refresh();
  // A teacher's logits have no padding.
  const Logits of_batch = teacher_ == nullptr ? logits_in(dtype_, model_, batch.inputs)
                                              : compute_in(dtype_, model_, batch.inputs);
  auto [logits, labels, loss] = batch_loss(of_batch, batch.target, config_.train.label_smoothing);
  if (teacher_ != nullptr) loss = teacher_->add_to(loss, logits, batch.inputs);
  sums_.add({logits, of_batch.classes}, labels, loss, part);
  if (device_.is_cpu() && sums_.read().first_bad >= 0) return false;
  backward(loss, loss_scale_ ? loss_scale_->factor() : Tensor{});
  return true;
}

void TrainStep::update(double lr) {
  if (loss_scale_) loss_scale_->unscale(parameters_);
  if (config_.train.accumulate > 1)
    scale_gradients(parameters_, 1.0 / static_cast<double>(config_.train.accumulate));
  mask_gradients(parameters_, masks_);
  if (config_.train.clip_norm > 0) clip_gradients(parameters_, config_.train.clip_norm);
  optimizer_->step(
      masks_,
      {.lr = lr, .lr_on_device = lr_, .skip = loss_scale_ ? loss_scale_->overflowed() : Tensor{}});
  if (average_ != nullptr) average_->update(model_, masks_);
  if (loss_scale_) loss_scale_->update();
  model_.zero_grad();
}

TensorMap TrainStep::state() const { return loss_scale_ ? loss_scale_->state() : TensorMap{}; }

void TrainStep::load_state(const TensorMap& state) {
  if (loss_scale_)
    loss_scale_->load_state(state);
  else
    require(state.empty(), "[train] a checkpoint with a loss scale goes on in fp16; got ",
            config_.run.precision, ".");
}

}  // namespace tessera

#include "framework/train/train_step.h"

#include <utility>

#include "framework/autograd/autograd.h"
#include "framework/ops/cross_entropy.h"
#include "layers/random_scope.h"
#include "optim/gradients.h"

namespace tessera {

TrainStep::TrainStep(const Config& config, Module& model, Device device)
    : config_(config),
      model_(model),
      parameters_(model.parameters()),
      device_(device),
      sums_(device) {}

void TrainStep::begin(Optimizer& optimizer, Ema* average, Masks masks) {
  optimizer_ = &optimizer;
  average_ = average;
  masks_ = std::move(masks);
}

void TrainStep::run(BatchStream& batches, int64_t step, double lr) {
  model_.set_training(true);
  for (int64_t part = 0; part < config_.train.accumulate; ++part) {
    Batch batch;
    require_runtime(batches.next(batch), "[train] the epoch must not end before its last step.");
    if (!add_gradients(batch, step, part)) return;
  }
  update(lr);
  batches.prefetch();
}

/// False where the loss is known not to be finite.
bool TrainStep::add_gradients(const Batch& batch, int64_t step, int64_t part) {
  RandomScope random(config_.run.seed,
                     static_cast<uint32_t>(step * config_.train.accumulate + part));
  const Tensor logits = model_.forward(batch.input);
  const Tensor loss =
      cross_entropy(logits, batch.target, {.label_smoothing = config_.train.label_smoothing});
  sums_.add(logits, batch.target, loss, part);
  if (device_.is_cpu() && sums_.read().first_bad >= 0) return false;
  backward(loss);
  return true;
}

void TrainStep::update(double lr) {
  if (config_.train.accumulate > 1)
    scale_gradients(parameters_, 1.0 / static_cast<double>(config_.train.accumulate));
  mask_gradients(parameters_, masks_);
  if (config_.train.clip_norm > 0) clip_gradients(parameters_, config_.train.clip_norm);
  optimizer_->step(masks_, lr);
  if (average_ != nullptr) average_->update(model_, masks_);
  model_.zero_grad();
}

}  // namespace tessera

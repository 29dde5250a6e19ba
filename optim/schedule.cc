#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "framework/core/errors.h"

namespace tessera {
namespace {

constexpr const char* kTypes[] = {"constant", "step",       "cosine",
                                  "linear",   "polynomial", "inverse_sqrt"};

}  // namespace

int64_t steps_of(const Duration& duration, int64_t steps_per_epoch) {
  const double unit =
      duration.unit == Duration::Unit::epochs ? static_cast<double>(steps_per_epoch) : 1.0;
  return std::llround(duration.count * unit);
}

Schedule::Schedule(const SchedulerConfig& config, double base_lr, int64_t total_steps,
                   int64_t steps_per_epoch)
    : config_(config),
      base_lr_(base_lr),
      total_steps_(total_steps),
      warmup_steps_(steps_of(config.warmup, steps_per_epoch)),
      every_steps_(steps_of(config.every, steps_per_epoch)) {
  require(std::ranges::find(kTypes, config.type) != std::end(kTypes),
          "[scheduler] type must be constant, step, cosine, linear, polynomial or inverse_sqrt; ",
          "got '", config.type, "'.");
  require(total_steps >= 1, "[scheduler] the training must have at least one step; got ",
          total_steps, ".");
  require(base_lr >= 0 && config.final_lr >= 0,
          "[scheduler] lr and final_lr must not be negative; got ", base_lr, " and ",
          config.final_lr, ".");
  require(warmup_steps_ >= 0 && warmup_steps_ < total_steps,
          "[scheduler] warmup must be shorter than the training; got ", warmup_steps_, " of ",
          total_steps, " steps. Lower scheduler.warmup.");
  require(config.type != "step" || (every_steps_ >= 1 && config.gamma > 0),
          "[scheduler] step needs every >= 1 step and gamma > 0; got every = ", every_steps_,
          " steps, gamma = ", config.gamma, ".");
  require(config.type != "polynomial" || config.power > 0,
          "[scheduler] polynomial needs power > 0; got ", config.power, ".");
}

double Schedule::lr(int64_t step) const {
  if (step < warmup_steps_)
    return base_lr_ * static_cast<double>(step + 1) / static_cast<double>(warmup_steps_);
  const int64_t since = step - warmup_steps_;
  if (config_.type == "constant") return base_lr_;
  if (config_.type == "inverse_sqrt") {
    const auto warmup = static_cast<double>(std::max<int64_t>(warmup_steps_, 1));
    return base_lr_ * std::sqrt(warmup / static_cast<double>(step + 1));
  }
  if (config_.type == "step")
    return base_lr_ * std::pow(config_.gamma, static_cast<double>(since / every_steps_));
  const double t =
      std::min(1.0, static_cast<double>(since) / static_cast<double>(total_steps_ - warmup_steps_));
  double share = 1 - t;  // of the way from final_lr back to base_lr_
  if (config_.type == "cosine") share = (1 + std::cos(std::numbers::pi * t)) / 2;
  if (config_.type == "polynomial") share = std::pow(share, config_.power);
  return config_.final_lr + (base_lr_ - config_.final_lr) * share;
}

}  // namespace tessera

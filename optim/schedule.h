// The learning rate as a pure function of the step.
#pragma once

#include <cstdint>

#include "framework/io/config.h"

namespace tessera {

/// With s the step, W the steps of warm-up, T all steps, b the base rate, f = config.final_lr and
/// t = (s - W) / (T - W) the progress after the warm-up:
///   warm-up (s < W)  b * (s + 1) / W
///   constant         b
///   step             b * gamma^floor((s - W) / every)
///   cosine           f + (b - f) * (1 + cos(pi t)) / 2
///   linear           f + (b - f) * (1 - t)
///   polynomial       f + (b - f) * (1 - t)^power
///   inverse_sqrt     b * sqrt(W / (s + 1)), W >= 1 (Vaswani et al., 2017)
/// After the last step the rate stays where it ended.
class Schedule {
 public:
  /// Throws: std::invalid_argument for an unknown type (listing the known ones), values out of
  /// range, and a warm-up as long as the training.
  Schedule(const SchedulerConfig& config, double base_lr, int64_t total_steps,
           int64_t steps_per_epoch);

  double lr(int64_t step) const;

 private:
  SchedulerConfig config_;
  double base_lr_;
  int64_t total_steps_;
  int64_t warmup_steps_;
  int64_t every_steps_;
};

/// A duration in steps, rounded to the nearest.
int64_t steps_of(const Duration& duration, int64_t steps_per_epoch);

}  // namespace tessera

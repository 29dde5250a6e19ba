// Early stopping: ends a phase whose score on validation data (TaskScores::rank) has not risen for
// some epochs.
// It is part of the training state, so that a resumed run stops at the same epoch.
#pragma once

#include <cstdint>

#include "framework/io/config.h"

namespace tessera {

struct EarlyStop {
  double best = -1;                 ///< score of the last gain
  int64_t epochs_without_gain = 0;  ///< since then

  /// An epoch's end. A gain is more than min_delta above `best`.
  void add(double score, const EarlyStopConfig& config) {
    const bool is_gain = best < 0 || score > best + config.min_delta;
    if (is_gain) best = score;
    epochs_without_gain = is_gain ? 0 : epochs_without_gain + 1;
  }
  bool stops(const EarlyStopConfig& config) const {
    return config.patience > 0 && epochs_without_gain >= config.patience;
  }
};

}  // namespace tessera

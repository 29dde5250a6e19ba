// From the pixels of one decoded image to the input of a model: what training, evaluation and
// `tessera infer` share, so that a deployed model sees what it was trained on.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.h"

namespace tessera {

/// Resizes by a triangle filter whose support grows with the reduction: bilinear interpolation when
/// enlarging, area averaging when shrinking. Channels stay.
/// REQUIRES: equal channels; positive extents; out holds to.numel() bytes.
void resize(const uint8_t* in, ImageShape from, uint8_t* out, ImageShape to);

/// (pixel / 255 - mean[c]) / std[c] as pixel * scale[c] + shift[c].
class Normalizer {
 public:
  /// Empty mean: 0; empty std: 1. Throws: std::invalid_argument unless both have one value a
  /// channel and std > 0.
  Normalizer(int64_t channels, const std::vector<double>& mean, const std::vector<double>& std);

  /// count pixels' bytes, [..][C], to floats in the same order. REQUIRES: count % channels == 0.
  void apply(const uint8_t* in, int64_t count, float* out) const;

 private:
  int64_t period_;  ///< a multiple of channels: the pattern of scale_ and shift_ repeats with it
  std::vector<float> scale_;
  std::vector<float> shift_;
};

}  // namespace tessera

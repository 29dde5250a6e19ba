// Root mean square normalisation (Zhang and Sennrich, 2019) over the last axis:
//   y = x / sqrt(mean of x^2 + epsilon) * weight.
// x, y: [..., D], row-major, f32 or f64, or on a CUDA device bf16 or f16; weight: [D], f64 for x in
// f64, else f32. Gradients: row_norm.h.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

struct RmsNormOptions {
  double epsilon = 1e-6;
};

/// Throws: std::invalid_argument where extents, types or layouts do not fit, for epsilon <= 0.
/// Recorded with inputs {x, weight} and RmsNormOptions.
Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon = 1e-6);

}  // namespace tessera

// Rotary position embedding (Su et al., "RoFormer", 2021) in the half-split form of GPT-NeoX and
// LLaMA: element d of the first half of a head turns with element d + D/2,
//   y[d]       = x[d] * cos(a) - x[d + D/2] * sin(a),
//   y[d + D/2] = x[d + D/2] * cos(a) + x[d] * sin(a),   a = (first_position + t) * base^(-2d / D).
// x: [N, T, H, D], D even; row-major, f32 or f64 (on CUDA also bf16 and f16). Angles are computed
// in f64.  dx: dy turned back.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct RotaryOptions {
  double base = 10000;
  int64_t first_position = 0;  ///< of row t = 0
};

/// Throws: std::invalid_argument for another rank or layout, an odd D, or a base <= 0.
Tensor rotary(const Tensor& x, double base = 10000, int64_t first_position = 0);

/// direction 1 turns x, -1 turns it back.
void rotary_forward(Cpu&, const Tensor& x, const RotaryOptions& options, int direction, Tensor& y);

void rotary_forward(Cuda&, const Tensor& x, const RotaryOptions& options, int direction, Tensor& y);

}  // namespace tessera

// Layer normalisation (Ba, Kiros and Hinton, 2016) over the last axis:
//   y = (x - mean) / sqrt(var + epsilon) * weight + bias,  var the biased variance of the row.
// x, y: [..., D], row-major, f32 or f64, or on a CUDA device bf16 or f16; weight: [D]; bias: [D] or
// undefined. weight and bias are f64 for x in f64, else f32. Gradients: row_norm.h.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

struct LayerNormOptions {
  double epsilon = 1e-5;
};

/// Throws: std::invalid_argument where extents, types or layouts do not fit, for epsilon <= 0.
/// Recorded with inputs {x, weight, bias} and LayerNormOptions.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon = 1e-5);

}  // namespace tessera

// Importance scores of single weights; pruning/pattern.h ranks them.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

/// |w|, viewed as [out, K] f32.
/// weight: [out, ...], rank >= 2, row-major, f32 or f64, on the cpu.
Tensor magnitude_scores(const Tensor& weight);

// The scores below are accumulated: once for every batch, the first call with an undefined `scores`
// making them, [out, K] f32.
// weight, gradient: equal shape [out, ...], rank >= 2, row-major, both f32 or both f64, on the
// device of the scores.

/// First-order Taylor: scores += (w * dL/dw)^2. Squared per batch, then summed: the estimate of the
/// squared change of the loss when the weight is set to zero (Molchanov et al., CVPR 2019, equation
/// 8).
void add_taylor_scores(Tensor& scores, const Tensor& weight, const Tensor& gradient);

/// Gradient magnitude: scores += |dL/dw|.
void add_gradient_scores(Tensor& scores, const Tensor& weight, const Tensor& gradient);

/// Movement: scores -= w * dL/dw, which grows where the steps of gradient descent take the weight
/// away from zero, and is negative where they take it there (Sanh et al., NeurIPS 2020, equation
/// 4).
void add_movement_scores(Tensor& scores, const Tensor& weight, const Tensor& gradient);

}  // namespace tessera

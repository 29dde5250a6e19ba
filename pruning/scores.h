// Importance scores of single weights; pruning/pattern.h ranks them.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

/// |w|, viewed as [out, K] f32.
/// weight: [out, ...], rank >= 2, row-major, f32 or f64, on the cpu.
Tensor magnitude_scores(const Tensor& weight);

/// First-order Taylor: scores += (w * dL/dw)^2, once for every batch; a first call with an
/// undefined `scores` makes them, [out, K] f32. Squared per batch, then summed: the estimate of the
/// squared change of the loss when the weight is set to zero (Molchanov et al., CVPR 2019, equation
/// 8). All on one device. weight, gradient: equal shape [out, ...], rank >= 2, row-major, both f32
/// or both f64.
void add_taylor_scores(Tensor& scores, const Tensor& weight, const Tensor& gradient);

}  // namespace tessera

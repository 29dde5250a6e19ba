// y[n] = the mean of x[n, t] over t < lengths[n]: the mean of sequences that are padded to one
// length; 0 where the length is 0.
// x: [N, T, D], row-major, f32 or f64; lengths: i64 [N], in [0, T]; y: [N, D].
// dx[n, t] = dy[n] / lengths[n] for t < lengths[n], else 0.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

/// Throws: std::invalid_argument, naming place and value, for a length outside [0, T], on a CUDA
/// device when the result is read: it is NaN (core/kernel_error.h).
Tensor masked_mean(const Tensor& x, const Tensor& lengths);

void masked_mean_forward(Cpu&, const Tensor& x, const Tensor& lengths, Tensor& y);
void masked_mean_backward(Cpu&, const Tensor& dy, const Tensor& lengths, Tensor& dx);

void masked_mean_forward(Cuda&, const Tensor& x, const Tensor& lengths, Tensor& y);
void masked_mean_backward(Cuda&, const Tensor& dy, const Tensor& lengths, Tensor& dx);

}  // namespace tessera

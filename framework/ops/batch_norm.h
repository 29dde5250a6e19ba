// Batch normalisation over the images of a batch (Ioffe and Szegedy, 2015), per channel:
//   y = (x - mean) / sqrt(var + epsilon) * weight + bias
// Training: mean and (biased) var are the batch's, and the running statistics are updated in place:
//   running = (1 - momentum) * running + momentum * batch, with the unbiased variance, as PyTorch.
// Otherwise: mean and var are the running statistics.
// x, y: [N, C, H, W] nhwc, f32 or f64; weight, bias: [C], both or neither defined;
// running_mean, running_var: [C]; both may be undefined in training.
// Throws: std::invalid_argument where extents, types or layouts do not fit, for epsilon <= 0, and
// for training on fewer than two values a channel.
#pragma once

#include "framework/backend/cpu.h"
#include "framework/core/tensor.h"

namespace tessera {

struct BatchNormOptions {
  bool training = true;
  double momentum = 0.1;
  double epsilon = 1e-5;
};

/// Recorded with inputs {x, weight, bias, running_mean, running_var}.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options = {});

/// mean[c] and var[c] (biased) of x over N, H and W.
void batch_norm_statistics(Cpu&, const Tensor& x, Tensor& mean, Tensor& var);
/// y = x * scale[c] + shift[c].
void batch_norm_forward(Cpu&, const Tensor& x, const Tensor& scale, const Tensor& shift, Tensor& y);
/// sum_dy[c] = sum of dy,  sum_dy_x[c] = sum of dy * (x - mean[c]).
void batch_norm_sums(Cpu&, const Tensor& x, const Tensor& mean, const Tensor& dy, Tensor& sum_dy,
                     Tensor& sum_dy_x);
/// dx = a[c] * dy + b[c] * x + c[c].
void batch_norm_backward(Cpu&, const Tensor& x, const Tensor& dy, const Tensor& a, const Tensor& b,
                         const Tensor& c, Tensor& dx);

}  // namespace tessera

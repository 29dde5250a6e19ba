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

#include "framework/backend/backend.h"
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

/// mean[c] and (biased) var[c] of x over N, H and W.
void batch_norm_statistics(Cpu&, const Tensor& x, Tensor& mean, Tensor& var);
/// Moves the running statistics towards those of a batch of `count` values a channel.
void batch_norm_update(Cpu&, const Tensor& mean, const Tensor& var, int64_t count, double momentum,
                       Tensor& running_mean, Tensor& running_var);
/// weight and bias may be undefined: 1 and 0.
void batch_norm_forward(Cpu&, const Tensor& x, const Tensor& mean, const Tensor& var,
                        const Tensor& weight, const Tensor& bias, double epsilon, Tensor& y);
/// With h = (x - mean) / sqrt(var + epsilon) and m values a channel:
///   dbias = sum of dy,  dweight = sum of dy * h,
///   dx = weight / sqrt(var + epsilon) * (dy - dbias/m - h * dweight/m)  in training,
///   dx = weight / sqrt(var + epsilon) * dy                              otherwise.
/// dx may be undefined: then it is not computed.
void batch_norm_backward(Cpu&, const Tensor& x, const Tensor& dy, const Tensor& mean,
                         const Tensor& var, const Tensor& weight, const BatchNormOptions& options,
                         Tensor& dx, Tensor& dweight, Tensor& dbias);

void batch_norm_statistics(Cuda&, const Tensor& x, Tensor& mean, Tensor& var);
void batch_norm_update(Cuda&, const Tensor& mean, const Tensor& var, int64_t count, double momentum,
                       Tensor& running_mean, Tensor& running_var);
void batch_norm_forward(Cuda&, const Tensor& x, const Tensor& mean, const Tensor& var,
                        const Tensor& weight, const Tensor& bias, double epsilon, Tensor& y);
void batch_norm_backward(Cuda&, const Tensor& x, const Tensor& dy, const Tensor& mean,
                         const Tensor& var, const Tensor& weight, const BatchNormOptions& options,
                         Tensor& dx, Tensor& dweight, Tensor& dbias);

}  // namespace tessera

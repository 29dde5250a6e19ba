// Batch normalisation over the images of a batch (Ioffe and Szegedy, 2015), per channel:
//   y = (x - mean) / sqrt(var + epsilon) * weight + bias  [+ residual]  [then max(., 0)]
// Training: mean and (biased) var are the batch's, and the running statistics are updated in place:
//   running = (1 - momentum) * running + momentum * batch, with the unbiased variance, as PyTorch.
// Otherwise: mean and var are the running statistics.
// x, y, residual: [N, C, H, W] nhwc, f32 or f64, or on a CUDA device bf16 or f16; residual may be
// undefined. weight, bias: [C], both or neither defined; running_mean, running_var: [C]; both may
// be undefined in training. All four are f64 for x in f64, else f32.
// The sum with the residual and relu(), an option, are here since they cost no pass over memory of
// their own, forward or backward: they are what most batch norms of a network are followed by.
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
  bool relu = false;  ///< y = max(y, 0), after the residual
};

/// Recorded with inputs {x, weight, bias, running_mean, running_var, residual}.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options = {}, const Tensor& residual = {});

/// What the kernels normalise with. weight and bias may be undefined: 1 and 0.
struct BatchNormInputs {
  Tensor x, mean, var, weight, bias;
};

/// dx and dresidual may be undefined: then they are not computed.
struct BatchNormGradients {
  Tensor dx, dweight, dbias, dresidual;
};

/// mean[c] and (biased) var[c] of x over N, H and W; moves the running statistics, where defined,
/// towards them.
void batch_norm_statistics(Cpu&, const Tensor& x, double momentum, Tensor& mean, Tensor& var,
                           Tensor& running_mean, Tensor& running_var);
void batch_norm_forward(Cpu&, const BatchNormInputs& in, const Tensor& residual,
                        const BatchNormOptions& options, Tensor& y);
/// With h = (x - mean) / sqrt(var + epsilon), m values a channel, and d = dy, or under relu d = dy
/// where the output is positive, else 0:
///   dresidual = d,  dbias = sum of d,  dweight = sum of d * h,
///   dx = weight / sqrt(var + epsilon) * (d - dbias/m - h * dweight/m)  in training,
///   dx = weight / sqrt(var + epsilon) * d                              otherwise.
/// y: the output, where there were both relu and a residual; else undefined. dresidual is asked for
/// in that case only: without relu it is dy itself.
void batch_norm_backward(Cpu&, const BatchNormInputs& in, const Tensor& y, const Tensor& dy,
                         const BatchNormOptions& options, BatchNormGradients& out);

void batch_norm_statistics(Cuda&, const Tensor& x, double momentum, Tensor& mean, Tensor& var,
                           Tensor& running_mean, Tensor& running_var);
void batch_norm_forward(Cuda&, const BatchNormInputs& in, const Tensor& residual,
                        const BatchNormOptions& options, Tensor& y);
void batch_norm_backward(Cuda&, const BatchNormInputs& in, const Tensor& y, const Tensor& dy,
                         const BatchNormOptions& options, BatchNormGradients& out);

}  // namespace tessera

// y = mean((x - target)^2), a scalar of shape [].  Equal shapes, types and layouts; f32 or f64, on
// CUDA also bf16 and f16, for which y is f32 (as for cross_entropy).
// dx = 2 (x - target) dy / numel, dtarget = -dx.  NaN for no elements, as in PyTorch.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

Tensor mse_loss(const Tensor& x, const Tensor& target);

void mse_loss_forward(Cpu&, const Tensor& x, const Tensor& target, Tensor& y);
/// dx and, with the arguments x and target exchanged, dtarget.
void mse_loss_backward(Cpu&, const Tensor& x, const Tensor& target, const Tensor& dy, Tensor& dx);

void mse_loss_forward(Cuda&, const Tensor& x, const Tensor& target, Tensor& y);
void mse_loss_backward(Cuda&, const Tensor& x, const Tensor& target, const Tensor& dy, Tensor& dx);

}  // namespace tessera

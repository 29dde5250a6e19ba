// What happens to the gradients between backward() and the optimizer's step. On a CUDA device the
// host waits for none of it.
#pragma once

#include <vector>

#include "framework/backend/backend.h"
#include "layers/module.h"

namespace tessera {

/// sqrt of the sum of the squares of all gradients: an f64 scalar on their device. Summed in double
/// precision over chunks of a fixed size and in a fixed order, so that it can be repeated bit by
/// bit and does not depend on the number of threads.
/// REQUIRES (here and below): the gradients are all on one device.
Tensor gradient_norm(const std::vector<Parameter>& parameters);

/// Multiplies all gradients by min(1, max_norm / (norm + 1e-6)), as PyTorch; returns the norm
/// before. Under masks, call mask_gradients() first. REQUIRES: max_norm > 0.
Tensor clip_gradients(const std::vector<Parameter>& parameters, double max_norm);

/// gradient *= factor: the mean over accumulated batches.
void scale_gradients(const std::vector<Parameter>& parameters, double factor);

/// norm = sqrt of the sum of the squares of all tensors.
void norm_forward(Cpu&, const std::vector<Tensor>& tensors, Tensor& norm);
void scale_tensors(Cpu&, double factor, std::vector<Tensor>& tensors);
/// The factor is that of clip_gradients().
void clip_tensors(Cpu&, const Tensor& norm, double max_norm, std::vector<Tensor>& tensors);

void norm_forward(Cuda&, const std::vector<Tensor>& tensors, Tensor& norm);
void scale_tensors(Cuda&, double factor, std::vector<Tensor>& tensors);
void clip_tensors(Cuda&, const Tensor& norm, double max_norm, std::vector<Tensor>& tensors);

}  // namespace tessera

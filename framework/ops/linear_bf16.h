// The backward pass of affine maps with products in bf16 (Cpu::bf16_products).
#pragma once

#include "framework/ops/linear.h"

namespace tessera {

/// Whether bf16_linear_backward() is made for these gradients: each thread's sums of dweight must
/// stay in its second cache.
bool bf16_linear_backward_takes(const Tensor& dy, const LinearGradients& out);

/// As linear_backward(), in one pass over dy and x; sums over rows are split by threads.
/// REQUIRES: cpu.bf16_products() and bf16_linear_backward_takes().
void bf16_linear_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, const Tensor& weight,
                          LinearGradients& out);

}  // namespace tessera

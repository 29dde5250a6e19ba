// The backward pass of affine maps with products in bf16 (Cpu::bf16_products).
#pragma once

#include "framework/ops/linear.h"

namespace tessera {

/// Whether bf16_linear_backward() is faster for these gradients than products one after the other:
/// with rows enough for all threads, each of which sums all of dweight, and so few sums that they
/// stay in a cache.
bool bf16_linear_backward_takes(const Cpu& cpu, const Tensor& dy, const LinearGradients& out);

/// As linear_backward(), in one pass over dy and x; sums over rows are split by threads.
/// REQUIRES: cpu.bf16_products() and bf16_linear_backward_takes().
void bf16_linear_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, const Tensor& weight,
                          LinearGradients& out);

}  // namespace tessera

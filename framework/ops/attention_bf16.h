// Attention of f32 with its products in bf16 (Cpu::bf16_products): q, k, v, the gradient of y, what
// dropout leaves of the probabilities and the gradients of the scores are rounded for them; sums,
// softmax and derivatives stay f32.
#pragma once

#include "framework/ops/attention.h"

namespace tessera {

/// As attention_forward() and attention_backward().  REQUIRES: f32 and cpu.bf16_products().
void attention_forward_bf16(Cpu& cpu, const AttentionCall& call, AttentionSaved& saved, Tensor& y);
void attention_backward_bf16(Cpu& cpu, const AttentionCall& call, const AttentionSaved& saved,
                             const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                             HeadsView& dv);

}  // namespace tessera

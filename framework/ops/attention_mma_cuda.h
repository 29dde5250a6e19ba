// Attention on the tensor cores: bf16 and f16, D a multiple of 8 up to 128; the same results as the
// general kernels but for the rounding of p and of its gradient to the type of q, for their
// products. Included by .cu files only.
#pragma once

#include "framework/backend/cuda.h"
#include "framework/ops/attention.h"

namespace tessera {

bool runs_on_tensor_cores(const Cuda& cuda, const AttentionCall& call);

/// As attention_forward() and attention_backward().  REQUIRES: runs_on_tensor_cores().
void attention_mma_forward(Cuda& cuda, const AttentionCall& call, AttentionSaved& saved, Tensor& y);
void attention_mma_backward(Cuda& cuda, const AttentionCall& call, const AttentionSaved& saved,
                            const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                            HeadsView& dv);

}  // namespace tessera

// The k largest elements of each line along the last axis, in descending order; of equal ones the
// first counts as the larger, NaN as the largest, as in torch.topk.
// x: [..., C], row-major, f32 or f64; 1 <= k <= C; values, of the type of x, and indices (places in
// the line, i64): [..., k].  No gradient, and no part of a trace.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct TopK {
  Tensor values, indices;
};

/// Throws: std::invalid_argument where x or k does not fit.
TopK top_k(const Tensor& x, int64_t k);

void top_k_forward(Cpu&, const Tensor& x, int64_t k, TopK& out);

void top_k_forward(Cuda&, const Tensor& x, int64_t k, TopK& out);

}  // namespace tessera

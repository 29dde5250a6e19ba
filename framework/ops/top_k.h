// The k largest elements of each line along the last axis, in descending order; of equal ones the
// first counts as the larger, NaN as the largest, as in torch.topk.
// x: [..., C], row-major, f32 or f64; 1 <= k <= C; values, of the type of x, and indices (places in
// the line, i64): [..., k].
// dx: dvalues at the indices, 0 elsewhere; dvalues is what comes through `values`.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct TopKOutput {
  Tensor values, indices;
};

/// Throws: std::invalid_argument where x or k does not fit.
/// `values` is recorded with the input {x}.
TopKOutput top_k(const Tensor& x, int64_t k);

void top_k_forward(Cpu&, const Tensor& x, int64_t k, TopKOutput& out);
void top_k_backward(Cpu&, const Tensor& indices, const Tensor& dvalues, Tensor& dx);

void top_k_forward(Cuda&, const Tensor& x, int64_t k, TopKOutput& out);
void top_k_backward(Cuda&, const Tensor& indices, const Tensor& dvalues, Tensor& dx);

}  // namespace tessera

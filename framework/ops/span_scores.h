// Scores of tokens, each for a question of its own (where an answer begins, where it ends), as rows
// over which softmax chooses a token:
//   y[n, k, t] = x[n, t, k] for t < lengths[n], else -1e4 (padding.h).
// x: [N, T, K], row-major, of a float type; lengths: i64 [N]; y: [N, K, T].
// dx[n, t, k] = dy[n, k, t] for t < lengths[n], else 0.
// Made of the kernels of transpose, mul and add; one op, so that plans know it.
#pragma once

#include "framework/core/tensor.h"

namespace tessera {

/// Throws: std::invalid_argument for another rank or layout, or lengths that are not one a row.
Tensor span_scores(const Tensor& x, const Tensor& lengths);

}  // namespace tessera

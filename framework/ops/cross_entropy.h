// The mean over rows of  -sum_c q[c] * log_softmax(x)[c],  with the smoothed target
// q[c] = (1 - s) * [c = target] + s / C, as torch.nn.functional.cross_entropy defines it.
// x: [N, C] logits, f32 or f64, row-major.  target: i64[N].  y: a scalar, shape [].
// Rows whose target is ignore_index count neither in the sum nor in the mean; where no row counts,
// the loss and its gradient are 0 (PyTorch: NaN).
// dx = (softmax(x) - q) * dy / (rows that count), 0 in ignored rows. Softmax is never stored.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct CrossEntropyOptions {
  double label_smoothing = 0;  ///< s, in [0, 1]
  int64_t ignore_index = -100;
};

/// Throws: std::invalid_argument, naming row and value, for a target outside [0, C) that is not
/// ignore_index.
Tensor cross_entropy(const Tensor& x, const Tensor& target,
                     const CrossEntropyOptions& options = {});

/// Also fills log_sum_exp[N], for the backward pass.
void cross_entropy_forward(Cpu&, const Tensor& x, const Tensor& target,
                           const CrossEntropyOptions& options, Tensor& log_sum_exp, Tensor& y);
void cross_entropy_backward(Cpu&, const Tensor& x, const Tensor& target,
                            const CrossEntropyOptions& options, const Tensor& log_sum_exp,
                            const Tensor& dy, Tensor& dx);

void cross_entropy_forward(Cuda&, const Tensor& x, const Tensor& target,
                           const CrossEntropyOptions& options, Tensor& log_sum_exp, Tensor& y);
void cross_entropy_backward(Cuda&, const Tensor& x, const Tensor& target,
                            const CrossEntropyOptions& options, const Tensor& log_sum_exp,
                            const Tensor& dy, Tensor& dx);

}  // namespace tessera

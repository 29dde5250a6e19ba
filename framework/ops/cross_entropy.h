// The mean over rows of  -sum_c q[c] * log_softmax(x)[c],  with the smoothed target
// q[c] = (1 - s) * [c = target] + s / C, as torch.nn.functional.cross_entropy defines it.
// x: [N, C] logits, f32 or f64 (on CUDA also bf16 and f16), row-major.  target: i64[N].
// y: a scalar, shape []; f32 for half types: 8 bits are too few for a loss, and a scaled loss would
// overflow f16.
// Rows whose target is ignore_index count neither in the sum nor in the mean; where no row counts,
// the loss and its gradient are 0 (PyTorch: NaN).
// dx = (softmax(x) - q) * dy / (rows that count), 0 in ignored rows and in columns that do not
// count. Softmax is never stored.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/kernel_error.h"
#include "framework/core/tensor.h"

namespace tessera {

struct CrossEntropyOptions {
  double label_smoothing = 0;  ///< s, in [0, 1]
  int64_t ignore_index = -100;
  int64_t classes = 0;  ///< the first columns, those that count: C; 0: all of them

  int64_t classes_of(const Tensor& x) const { return classes > 0 ? classes : x.dim(1); }
};

/// Throws: std::invalid_argument, naming row and value, for a target outside [0, C) that is not
/// ignore_index. On a CUDA device the host does not wait to find out: the loss is NaN, and what
/// brings it (or anything after it) to the host throws: item(), a copy to the CPU.
Tensor cross_entropy(const Tensor& x, const Tensor& target,
                     const CrossEntropyOptions& options = {});

/// The message for a target that is no class: its value and row, C, and ignore_index.
std::string describe_wrong_target(const KernelError::Values& values);

/// Also fills saved[N + 1], of the type of y, for the backward pass: log(sum(exp(x))) of each row,
/// then the number of rows that count.
void cross_entropy_forward(Cpu&, const Tensor& x, const Tensor& target,
                           const CrossEntropyOptions& options, Tensor& saved, Tensor& y);
void cross_entropy_backward(Cpu&, const Tensor& x, const Tensor& target,
                            const CrossEntropyOptions& options, const Tensor& saved,
                            const Tensor& dy, Tensor& dx);

void cross_entropy_forward(Cuda&, const Tensor& x, const Tensor& target,
                           const CrossEntropyOptions& options, Tensor& saved, Tensor& y);
void cross_entropy_backward(Cuda&, const Tensor& x, const Tensor& target,
                            const CrossEntropyOptions& options, const Tensor& saved,
                            const Tensor& dy, Tensor& dx);

}  // namespace tessera

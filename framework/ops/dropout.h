// y[i] = x[i] / (1 - p) with probability 1 - p, else 0 (inverted dropout).  Any shape, any layout;
// f32 or f64.  dx = dy / (1 - p) where x was kept, else 0.
// Element i in memory order is kept where the i-th uniform number of `key` is at least p, so that
// the numbers depend neither on the threads nor on the device; backward draws them again instead of
// saving a mask.
// The identity (the same handle) in evaluation and for p = 0.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/random.h"
#include "framework/core/tensor.h"

namespace tessera {

struct DropoutOptions {
  double p = 0.5;      ///< the share that is dropped, in [0, 1]
  RandomKey key = {};  ///< another one at each step and for each layer
  /// i32, one element, on the device of x: where it is defined, kernels read it in place of
  /// key.step, so that a captured CUDA graph draws other numbers at each replay. It must not change
  /// between forward and backward.
  Tensor step = {};
  bool training = true;
};

Tensor dropout(const Tensor& x, const DropoutOptions& options);

/// residual + dropout(x) in one pass. residual: as x.
Tensor add_dropout(const Tensor& residual, const Tensor& x, const DropoutOptions& options);

/// residual may be undefined: 0. Also the backward pass, with dy for x and no residual.
void dropout_forward(Cpu&, const Tensor& x, const Tensor& residual, const DropoutOptions& options,
                     Tensor& y);

void dropout_forward(Cuda&, const Tensor& x, const Tensor& residual, const DropoutOptions& options,
                     Tensor& y);

}  // namespace tessera

// y = the sum of x over the given axes.  f32 or f64, any layout.
// Each reduced axis stays with extent 1 under keepdim, else it goes. Under nhwc and without keepdim
// the axes that stay must keep their order: [N, C] and [N, H, W] do, [C, H] does not.
// Partial sums of fixed length are summed in a fixed order: the result does not depend on the
// number of threads.  dx: dy repeated along the reduced axes.
#pragma once

#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct SumOptions {
  std::vector<int> axes = {};  ///< negative ones count from the back; empty: all
  bool keepdim = false;
};

Tensor sum(const Tensor& x, const SumOptions& options = {});

/// y[outer, inner] = sum over n of x[outer, n, inner], both row-major. Either may be of the other's
/// accumulator_of() type.
void sum_forward(Cpu&, const Tensor& x, Tensor& y);
/// dx = dy stretched to the shape of dx. Both row-major, of one rank.
void sum_backward(Cpu&, const Tensor& dy, Tensor& dx);

void sum_forward(Cuda&, const Tensor& x, Tensor& y);
void sum_backward(Cuda&, const Tensor& dy, Tensor& dx);

}  // namespace tessera

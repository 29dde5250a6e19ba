// y = the mean of x over the given axes: sum(x) / (elements summed).  f32 or f64; as sum() for
// layouts and keepdim.  NaN over no elements, as in NumPy.
#pragma once

#include "framework/ops/sum.h"

namespace tessera {

Tensor mean(const Tensor& x, const SumOptions& options = {});

}  // namespace tessera

// Inputs that the tests of several ops share.
#pragma once

#include <vector>

#include "framework/ops/cast.h"

namespace tessera::testing {

/// `parameter` in the type that goes with x, on its device: f32 beside halves
/// (framework/ops/mixed_precision.h), where a case table gives every input in one type.
inline Tensor beside(const Tensor& x, const Tensor& parameter) {
  return parameter.defined() ? cast(parameter, accumulator_of(x.dtype())).to(x.device())
                             : parameter;
}

/// n rows below `count`, half of them 0, as padding is.
inline Tensor padded_rows(int64_t n, int64_t count) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < n; ++i) out.push_back(i % 2 * (i * 7919 % count));
  return Tensor::from(out, {n});
}

}  // namespace tessera::testing

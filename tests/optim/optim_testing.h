// What the tests of optimizers share.
#pragma once

#include "framework/core/random.h"
#include "framework/core/tensor.h"
#include "tests/largest_difference.h"

namespace tessera::testing {

/// Uniform in [-1, 1).
inline Tensor drawn(const Shape& shape, const RandomKey& key, DType dtype) {
  Tensor out = Tensor::empty(shape);
  RandomSequence random(key);
  for (int64_t i = 0; i < out.numel(); ++i) out.data<float>()[i] = random.uniform(-1, 1);
  return out.to(dtype);
}

}  // namespace tessera::testing

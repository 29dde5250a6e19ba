// y: the inputs one after the other along `axis`.  Any type, row_major or nhwc; equal types,
// layouts and extents but for that axis.  dinputs: the slices of dy.
#pragma once

#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

struct ConcatOptions {
  int axis = 0;
};

/// REQUIRES: at least one input.
Tensor concat(const std::vector<Tensor>& inputs, int axis);

}  // namespace tessera

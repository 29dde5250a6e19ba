// Shapes without arithmetic: a forward pass over an empty batch.
#pragma once

#include "layers/module.h"

namespace tessera {

/// The output for an input of this shape, in evaluation and without autograd: every op checks its
/// operands, none computes. Input of rank 4 is nhwc. Throws: what forward() throws.
/// REQUIRES: shape[0] == 0.
Tensor dry_run(Module& module, const Shape& shape);
Tensor dry_run(Module& module, const Tensor& empty_batch);

}  // namespace tessera

// Activation checkpointing (Chen et al., "Training deep nets with sublinear memory cost", 2016): a
// part of a model keeps its inputs for the backward pass and nothing of what it computes inside;
// backward computes it once more. Dropout draws the same numbers, so gradients are those of the
// part itself, bit for bit. An input that several parts read adds its gradients up part by part,
// which rounds in another order.
#pragma once

#include <functional>
#include <vector>

#include "layers/module.h"

namespace tessera {

/// compute(inputs), of which backward computes all but the output again. `parameters`: those that
/// compute() uses; their gradients accumulate as ever. Inputs may be undefined.
/// `compute` is called a second time inside backward(): it must hold no handle on the tape, and
/// what it refers to must live until then.
Tensor checkpoint(const std::vector<Tensor>& inputs, const std::vector<Parameter>& parameters,
                  std::function<Tensor(const std::vector<Tensor>&)> compute);

}  // namespace tessera

// y[i] = weight[ids[i]]: a row of the table for each id.
// weight: [V, D], row-major, f32 or f64; ids: i64 or i32 of any shape; y: ids.shape + [D], of the
// type `dtype`, by default the weight's. On a CUDA device the types are those of mixed precision
// (mixed_precision.h): an output in bf16 or f16 also from a weight in f32, whose gradient is f32.
// dweight: dense; row v is the sum of dy over all i with ids[i] = v, in their order.
#pragma once

#include <optional>

#include "framework/core/tensor.h"

namespace tessera {

/// Throws: std::invalid_argument, naming place and value, for an id outside [0, V), on a CUDA
/// device when the result is read (gather.h, whose kernels these are).
/// Recorded with inputs {weight, ids}.
Tensor embedding(const Tensor& weight, const Tensor& ids, std::optional<DType> dtype = {});

}  // namespace tessera

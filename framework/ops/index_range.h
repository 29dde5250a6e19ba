// Integers that come in a tensor and must lie in a range: the rows that gather takes, the lengths
// of masked_mean.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/kernel_error.h"
#include "framework/core/tensor.h"

namespace tessera {

struct IndexRange {
  int64_t end;     ///< indices are in [0, end)
  int64_t extent;  ///< for the message: the last extent of the tensor that the indices came in
  /// The message for {value, place, end, extent} of the first index out of range.
  KernelError::Describe describe;
};

/// index: i64, row-major. Throws: std::invalid_argument where one lies outside the range.
void check_indices(Cpu&, const Tensor& index, const IndexRange& range);
/// Reports it (core/kernel_error.h) in place of throwing: the kernels that use the indices must
/// make such results NaN.
void check_indices(Cuda&, const Tensor& index, const IndexRange& range);

}  // namespace tessera

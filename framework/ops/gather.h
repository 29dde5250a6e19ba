// y[m] = x[index[m]]: rows of x along its first axis, as torch.index_select(x, 0, index).
// x: [N, ...] of rank >= 1, row-major, f32 or f64; index: i64 or i32 [M]; y: [M, ...].
// dx[n] = the sum of dy[m] over all m with index[m] = n, in their order.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"
#include "framework/ops/index_range.h"

namespace tessera {

/// Throws: std::invalid_argument, naming place and value, for an index outside [0, N). On a CUDA
/// device the host does not wait to find out: the row is NaN, and what brings it (or anything after
/// it) to the host throws.
Tensor gather(const Tensor& x, const Tensor& index);

/// gather() for any shape of indices, and for an output of another type: y has shape `shape` and
/// type `dtype`. Recorded as `op` with inputs {x, index}.
/// REQUIRES: x and index as in gather() but for the shape of the index; one device.
Tensor gather_rows(const char* op, const Tensor& x, const Tensor& index, const Shape& shape,
                   DType dtype, const IndexRange& range);

/// index: i64, of M elements; y: M rows of x, in the type of x, or on CUDA in a half type for x in
/// f32.
void gather_forward(Cpu&, const Tensor& x, const Tensor& index, Tensor& y);
/// Sums in the type of dx, or in f32 where that is a half.
void gather_backward(Cpu&, const Tensor& index, const Tensor& dy, Tensor& dx);

void gather_forward(Cuda&, const Tensor& x, const Tensor& index, Tensor& y);
void gather_backward(Cuda&, const Tensor& index, const Tensor& dy, Tensor& dx);

}  // namespace tessera

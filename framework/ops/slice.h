// y = x[begin:end] along `axis`.  Any type, row_major or nhwc; elements are copied.
// dx: dy in place, 0 elsewhere.
#pragma once

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"

namespace tessera {

struct SliceOptions {
  int axis = 0;
  int64_t begin = 0, end = 0;
};

/// REQUIRES: 0 <= begin <= end <= x.dim(axis).
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);

/// Copies `extent` entries along `axis`, from entry `from_begin` of `from` to `to_begin` of `to`.
/// REQUIRES: equal types, layouts and extents but for the axis.
void copy_along_axis(Cpu&, const Tensor& from, int64_t from_begin, Tensor& to, int64_t to_begin,
                     int axis, int64_t extent);

void copy_along_axis(Cuda&, const Tensor& from, int64_t from_begin, Tensor& to, int64_t to_begin,
                     int axis, int64_t extent);

}  // namespace tessera

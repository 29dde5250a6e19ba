#include "framework/ops/axes.h"
#include "framework/ops/slice.h"
#include "framework/ops/strided_copy_cuda.h"

namespace tessera {

void copy_along_axis(Cuda& cuda, const Tensor& from, int64_t from_begin, Tensor& to,
                     int64_t to_begin, int axis, int64_t extent) {
  const int place = memory_axis(axis, from.layout());
  const AxisView source(memory_shape(from), place), target(memory_shape(to), place);
  const int64_t unit = source.inner * size_of(from.dtype());
  if (source.outer * extent * unit == 0) return;
  StridedCopy copy{source.outer, extent * unit, from_begin * unit, to_begin * unit, {}};
  copy.outer.append({source.outer, source.n * unit, target.n * unit});
  copy_runs("slice", cuda, copy, from, to);
}

}  // namespace tessera

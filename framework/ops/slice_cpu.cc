#include "framework/ops/axes.h"
#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/slice.h"

namespace tessera {

void copy_along_axis(Cpu& cpu, const Tensor& from, int64_t from_begin, Tensor& to, int64_t to_begin,
                     int axis, int64_t extent) {
  const int place = memory_axis(axis, from.layout());
  const AxisView source(memory_shape(from), place), target(memory_shape(to), place);
  const int64_t unit = source.inner * size_of(from.dtype());
  if (extent * unit == 0) return;
  cpu.parallel_for(source.outer, std::max<int64_t>(kElementwiseGrain * 4 / (extent * unit), 1),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t i = begin; i < end; ++i)
                       std::copy_n(from.raw() + (i * source.n + from_begin) * unit, extent * unit,
                                   to.raw() + (i * target.n + to_begin) * unit);
                   });
}

}  // namespace tessera

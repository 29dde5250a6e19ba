#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/transpose.h"
#include "framework/ops/transpose_plan.h"

namespace tessera {
namespace {

// A tile of 16 x 16 touches 16 cache lines of each side, read and written in full for f32.
constexpr int64_t kTile = 16;

template <class T>
void transpose_tile(const T* from, T* to, const TransposePlan& plan, int64_t row,
                    int64_t last_row) {
  for (int64_t begin = 0; begin < plan.columns.extent; begin += kTile) {
    const int64_t end = std::min(begin + kTile, plan.columns.extent);
    for (int64_t i = row; i < last_row; ++i)
      for (int64_t j = begin; j < end; ++j)
        to[i * plan.rows.to_stride + j] =
            from[i * plan.rows.from_stride + j * plan.columns.from_stride];
  }
}

template <class T>
void transpose_elements(Cpu& cpu, const Tensor& x, const TransposePlan& plan, Tensor& y) {
  const T* const from = reinterpret_cast<const T*>(x.raw());
  T* const to = reinterpret_cast<T*>(y.raw());
  const int64_t bands = (plan.rows.extent + kTile - 1) / kTile;
  const int64_t band_elements = std::min(kTile, plan.rows.extent) * plan.columns.extent;
  const int64_t tasks = plan.outer_count * bands;
  cpu.parallel_for(tasks, std::max<int64_t>(kElementwiseGrain / band_elements, 1),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t task = begin; task < end; ++task) {
                       const auto at = plan.outer.offsets(task / bands);
                       const int64_t row = task % bands * kTile;
                       const int64_t last_row = std::min(row + kTile, plan.rows.extent);
                       if (plan.keeps_runs())
                         std::copy_n(from + at.from, plan.columns.extent, to + at.to);
                       else
                         transpose_tile(from + at.from, to + at.to, plan, row, last_row);
                     }
                   });
}

}  // namespace

void transpose_forward(Cpu& cpu, const Tensor& x, const std::vector<int>& axes, Tensor& y) {
  if (x.numel() == 0) return;
  const TransposePlan plan(x.shape(), axes);
  switch (size_of(x.dtype())) {
    case 1:
      return transpose_elements<uint8_t>(cpu, x, plan, y);
    case 2:
      return transpose_elements<uint16_t>(cpu, x, plan, y);
    case 4:
      return transpose_elements<uint32_t>(cpu, x, plan, y);
    default:
      return transpose_elements<uint64_t>(cpu, x, plan, y);
  }
}

}  // namespace tessera

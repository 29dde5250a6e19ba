#include <array>

#include "framework/ops/elementwise_cpu.h"
#include "framework/ops/transpose.h"

namespace tessera {
namespace {

// A tile of 16 x 16 touches 16 cache lines of each side, read and written in full for f32.
constexpr int64_t kTile = 16;

/// The axes of y, each with its strides in elements. Neighbours that are one run in x are joined
/// and extents of 1 left out.
struct Plan {
  struct Axis {
    int64_t extent, from_stride, to_stride;
  };
  std::vector<Axis> outer;
  Axis rows{1, 0, 0};     ///< contiguous in x; unless columns already are
  Axis columns{1, 1, 1};  ///< contiguous in y

  Plan(const Tensor& x, const std::vector<int>& axes) {
    std::array<int64_t, Shape::kMaxRank> strides;
    int64_t stride = 1;
    for (int i = x.rank() - 1; i >= 0; stride *= x.dim(i--))
      strides[static_cast<size_t>(i)] = stride;
    for (int axis : axes) {
      const Axis next{x.dim(axis), strides[static_cast<size_t>(axis)], 0};
      if (next.extent == 1) continue;
      if (!outer.empty() && outer.back().from_stride == next.from_stride * next.extent)
        outer.back() = {outer.back().extent * next.extent, next.from_stride, 0};
      else
        outer.push_back(next);
    }
    stride = 1;
    for (auto axis = outer.rbegin(); axis != outer.rend(); ++axis) {
      axis->to_stride = stride;
      stride *= axis->extent;
    }
    if (outer.empty()) return;
    columns = outer.back();
    outer.pop_back();
    if (columns.from_stride == 1) return;
    const auto unit = std::find_if(outer.begin(), outer.end(),
                                   [](const Axis& axis) { return axis.from_stride == 1; });
    rows = *unit;
    outer.erase(unit);
  }
};

template <class T>
void transpose_tile(const T* from, T* to, const Plan& plan, int64_t row, int64_t last_row) {
  for (int64_t begin = 0; begin < plan.columns.extent; begin += kTile) {
    const int64_t end = std::min(begin + kTile, plan.columns.extent);
    for (int64_t i = row; i < last_row; ++i)
      for (int64_t j = begin; j < end; ++j)
        to[i * plan.rows.to_stride + j] =
            from[i * plan.rows.from_stride + j * plan.columns.from_stride];
  }
}

template <class T>
void transpose_elements(Cpu& cpu, const Tensor& x, const Plan& plan, Tensor& y) {
  const T* const from = reinterpret_cast<const T*>(x.raw());
  T* const to = reinterpret_cast<T*>(y.raw());
  const int64_t bands = (plan.rows.extent + kTile - 1) / kTile;
  const int64_t band_elements = std::min(kTile, plan.rows.extent) * plan.columns.extent;
  const int64_t tasks = x.numel() / (plan.rows.extent * plan.columns.extent) * bands;
  cpu.parallel_for(tasks, std::max<int64_t>(kElementwiseGrain / band_elements, 1),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t task = begin; task < end; ++task) {
                       int64_t index = task / bands, source = 0, target = 0;
                       for (auto axis = plan.outer.rbegin(); axis != plan.outer.rend(); ++axis) {
                         source += index % axis->extent * axis->from_stride;
                         target += index % axis->extent * axis->to_stride;
                         index /= axis->extent;
                       }
                       const int64_t row = task % bands * kTile;
                       const int64_t last_row = std::min(row + kTile, plan.rows.extent);
                       if (plan.columns.from_stride == 1)
                         std::copy_n(from + source, plan.columns.extent, to + target);
                       else
                         transpose_tile(from + source, to + target, plan, row, last_row);
                     }
                   });
}

}  // namespace

void transpose_forward(Cpu& cpu, const Tensor& x, const std::vector<int>& axes, Tensor& y) {
  if (x.numel() == 0) return;
  const Plan plan(x, axes);
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

#include "framework/ops/transpose_plan.h"

#include <algorithm>

namespace tessera {

TransposePlan::TransposePlan(const Shape& x, const std::vector<int>& axes) {
  std::array<int64_t, Shape::kMaxRank> strides;
  int64_t stride = 1;
  for (int i = x.rank() - 1; i >= 0; stride *= x[i--]) strides[static_cast<size_t>(i)] = stride;
  std::vector<Axis> all;
  for (int axis : axes) {
    const Axis next{x[axis], strides[static_cast<size_t>(axis)], 0};
    if (next.extent == 1) continue;
    if (!all.empty() && all.back().from_stride == next.from_stride * next.extent)
      all.back() = {all.back().extent * next.extent, next.from_stride, 0};
    else
      all.push_back(next);
  }
  stride = 1;
  for (auto axis = all.rbegin(); axis != all.rend(); ++axis) {
    axis->to_stride = stride;
    stride *= axis->extent;
  }
  if (!all.empty()) {
    columns = all.back();
    all.pop_back();
  }
  if (!keeps_runs()) {
    const auto unit = std::find_if(all.begin(), all.end(),
                                   [](const Axis& axis) { return axis.from_stride == 1; });
    rows = *unit;
    all.erase(unit);
  }
  for (const Axis& axis : all) {
    outer.append(axis);
    outer_count *= axis.extent;
  }
}

}  // namespace tessera

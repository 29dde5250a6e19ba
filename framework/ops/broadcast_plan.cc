#include "framework/ops/broadcast_plan.h"

#include <algorithm>

namespace tessera {

BroadcastPlan::BroadcastPlan(const Shape& a, const Shape& b, const Shape& y) {
  std::array<Axis, Shape::kMaxRank> reversed;
  int64_t next_a = 1, next_b = 1;
  for (int i = 1; i <= y.rank(); ++i) {
    const int64_t extent_a = i <= a.rank() ? a[-i] : 1, extent_b = i <= b.rank() ? b[-i] : 1;
    const Axis axis{y[-i], extent_a == 1 ? 0 : next_a, extent_b == 1 ? 0 : next_b};
    next_a *= extent_a;
    next_b *= extent_b;
    if (axis.extent == 1) continue;
    if (rank > 0) {
      Axis& inner = reversed[static_cast<size_t>(rank - 1)];
      if (axis.stride_a == inner.stride_a * inner.extent &&
          axis.stride_b == inner.stride_b * inner.extent) {
        inner.extent *= axis.extent;
        continue;
      }
    }
    reversed[static_cast<size_t>(rank++)] = axis;
  }
  if (rank == 0) reversed[static_cast<size_t>(rank++)] = {1, 0, 0};
  std::reverse_copy(reversed.begin(), reversed.begin() + rank, axes.begin());
}

}  // namespace tessera

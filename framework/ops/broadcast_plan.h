// Where the elements of two broadcast inputs lie: the index arithmetic of binary kernels.
#pragma once

#include <array>

#include "framework/core/host_device.h"
#include "framework/core/shape.h"

namespace tessera {

/// How two row-major inputs lie under their broadcast result: its extents, neighbouring axes that
/// both inputs cross alike joined, and each input's stride there (0 where it is stretched).
struct BroadcastPlan {
  struct Axis {
    int64_t extent, stride_a, stride_b;
  };
  std::array<Axis, Shape::kMaxRank> axes;
  int rank = 0;

  /// REQUIRES: a and b broadcast to y.
  BroadcastPlan(const Shape& a, const Shape& b, const Shape& y);

  /// A run along the last axis: `strides` are 0 or 1 there.
  TESSERA_HOST_DEVICE const Axis& run() const { return axes[static_cast<size_t>(rank - 1)]; }
  /// The first elements of both inputs in row `row`, one run. Index: an integer type that holds the
  /// number of rows.
  template <class Index>
  TESSERA_HOST_DEVICE std::array<int64_t, 2> offsets(Index row) const {
    int64_t a = 0, b = 0;
    for (int i = rank - 2; i >= 0; --i) {
      const Axis& axis = axes[static_cast<size_t>(i)];
      const Index extent = static_cast<Index>(axis.extent);
      const int64_t index = static_cast<int64_t>(row % extent);
      row /= extent;
      a += index * axis.stride_a;
      b += index * axis.stride_b;
    }
    return {a, b};
  }
};

}  // namespace tessera

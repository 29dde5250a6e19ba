// How the CUDA backward pass of gather shares M indices: in slices of neighbours. The rows of dy
// with one index are added within each slice, then over the slices. Both orders are fixed by M, and
// both are short, however often one index occurs (a padding token may be half of a batch).
#pragma once

#include <algorithm>
#include <cstdint>

#include "framework/core/host_device.h"

namespace tessera {

struct GatherSlices {
  static constexpr int kMost = 64;  ///< a table holds a number for each of them and each row of x

  int64_t M = 0, length = 1;

  TESSERA_HOST_DEVICE int64_t count() const { return (M + length - 1) / length; }
  TESSERA_HOST_DEVICE int64_t slice_of(int64_t m) const { return m / length; }
  /// Where the slice of m ends.
  TESSERA_HOST_DEVICE int64_t end_of(int64_t m) const {
    const int64_t end = (m / length + 1) * length;
    return end < M ? end : M;
  }
};

/// At least 256 indices in a slice, below which the second sum costs more than the first.
inline GatherSlices gather_slices(int64_t M) {
  constexpr int64_t kLeast = 256;
  return {M, std::max(kLeast, (M + GatherSlices::kMost - 1) / GatherSlices::kMost)};
}

}  // namespace tessera

// How a transposition moves its elements: the index arithmetic of the kernels. Tests on the CPU run
// it for every thread of a grid (tests/framework/ops/transpose_plan_test.cc).
#pragma once

#include <vector>

#include "framework/core/host_device.h"
#include "framework/core/shape.h"
#include "framework/ops/strided_copy.h"

namespace tessera {

/// The axes of y, each with its strides in elements. Neighbours that are one run in x are joined
/// and extents of 1 left out.
struct TransposePlan {
  using Axis = StridedAxes::Axis;

  StridedAxes outer;  ///< all axes but rows and columns
  int64_t outer_count = 1;
  Axis rows{1, 0, 0};     ///< contiguous in x; extent 1 where columns already are
  Axis columns{1, 1, 1};  ///< contiguous in y

  /// REQUIRES: x has elements, and `axes` is a permutation of its axes.
  TransposePlan(const Shape& x, const std::vector<int>& axes);

  /// Whether runs are copied as they are.
  bool keeps_runs() const { return columns.from_stride == 1; }

  // Where no run is kept, a block of kThreads moves a tile of kTile rows and columns through shared
  // memory, which it fills along x and empties along y. Each thread moves kSteps elements.
  static constexpr int kTile = 32, kThreads = 256, kSteps = kTile * kTile / kThreads;

  TESSERA_HOST_DEVICE int64_t row_tiles() const { return (rows.extent + kTile - 1) / kTile; }
  TESSERA_HOST_DEVICE int64_t column_tiles() const { return (columns.extent + kTile - 1) / kTile; }
  TESSERA_HOST_DEVICE int64_t tiles() const { return outer_count * row_tiles() * column_tiles(); }

  struct Tile {
    int64_t from, to;     ///< the first elements in x and y of the matrix that it is part of
    int64_t row, column;  ///< its first ones
  };
  TESSERA_HOST_DEVICE Tile tile(int64_t i) const {
    const int64_t column = i % column_tiles(), rest = i / column_tiles();
    const StridedAxes::Offsets at = outer.offsets(rest / row_tiles());
    return {at.from, at.to, rest % row_tiles() * kTile, column * kTile};
  }

  /// One element of a tile: where it lies in x or y, and in shared memory. Outside the matrix:
  /// none.
  struct Element {
    int64_t offset;
    int row, column;
    bool exists;
  };
  TESSERA_HOST_DEVICE Element source(const Tile& tile, int thread, int step) const {
    const int row = thread % kTile, column = thread / kTile + step * (kThreads / kTile);
    const int64_t i = tile.row + row, j = tile.column + column;
    return {tile.from + i * rows.from_stride + j * columns.from_stride, row, column,
            i < rows.extent && j < columns.extent};
  }
  TESSERA_HOST_DEVICE Element target(const Tile& tile, int thread, int step) const {
    const int column = thread % kTile, row = thread / kTile + step * (kThreads / kTile);
    const int64_t i = tile.row + row, j = tile.column + column;
    return {tile.to + i * rows.to_stride + j * columns.to_stride, row, column,
            i < rows.extent && j < columns.extent};
  }
};

}  // namespace tessera

// Runs of neighbours copied from one set of strides to another: the index arithmetic of slices,
// concatenations and transpositions. Tests on the CPU run it for every thread of a grid
// (tests/framework/ops/strided_copy_test.cc).
#pragma once

#include <array>
#include <cstdint>

#include "framework/core/host_device.h"
#include "framework/core/shape.h"

namespace tessera {

/// Axes that source and target cross with a stride each, the outermost first.
struct StridedAxes {
  struct Axis {
    int64_t extent, from_stride, to_stride;
  };
  std::array<Axis, Shape::kMaxRank> axes{};
  int rank = 0;

  void append(const Axis& axis) { axes[static_cast<size_t>(rank++)] = axis; }

  /// Where the i-th of all positions lies. Index: an unsigned or 64-bit type that holds i.
  struct Offsets {
    int64_t from, to;
  };
  template <class Index>
  TESSERA_HOST_DEVICE Offsets offsets(Index i) const {
    Offsets out{0, 0};
    for (int k = rank - 1; k >= 0; --k) {
      const Axis& axis = axes[static_cast<size_t>(k)];
      const Index extent = static_cast<Index>(axis.extent), rest = i / extent;
      const int64_t index = static_cast<int64_t>(i - rest * extent);
      out.from += index * axis.from_stride;
      out.to += index * axis.to_stride;
      i = rest;
    }
    return out;
  }
};

/// A run of `run` units, repeated over `outer`, begins at from_begin and to_begin. A unit is an
/// element, or several that one thread moves.
struct StridedCopy {
  int64_t runs = 0, run = 0;
  int64_t from_begin = 0, to_begin = 0;
  StridedAxes outer;

  /// In bytes, the widest unit of 16, 8, 4, 2 or 1 that divides all extents and strides.
  /// REQUIRES: run, begins and strides in bytes.
  int64_t unit() const {
    int64_t all = run | from_begin | to_begin | 16;
    for (int k = 0; k < outer.rank; ++k)
      all |= outer.axes[static_cast<size_t>(k)].from_stride |
             outer.axes[static_cast<size_t>(k)].to_stride;
    return all & -all;  // the lowest bit that is set in any of them
  }
  /// The same copy counted in units of `bytes` bytes.
  StridedCopy in_units(int64_t bytes) const {
    StridedCopy out = *this;
    for (int64_t* value : {&out.run, &out.from_begin, &out.to_begin}) *value /= bytes;
    for (int k = 0; k < outer.rank; ++k) {
      out.outer.axes[static_cast<size_t>(k)].from_stride /= bytes;
      out.outer.axes[static_cast<size_t>(k)].to_stride /= bytes;
    }
    return out;
  }

  /// Where unit i of all runs * run comes from and goes to.
  template <class Index>
  TESSERA_HOST_DEVICE StridedAxes::Offsets unit_at(Index i) const {
    const Index length = static_cast<Index>(run), row = i / length;
    const int64_t column = static_cast<int64_t>(i - row * length);
    const StridedAxes::Offsets at = outer.offsets(row);
    return {from_begin + at.from + column, to_begin + at.to + column};
  }
};

}  // namespace tessera

// How the threads of a launch share elements and lines. Plain arithmetic: tests on the CPU run it
// for every thread of a grid (tests/framework/ops/grid_index_test.cc).
#pragma once

#include <cstdint>

#include "framework/core/host_device.h"

namespace tessera {

/// The indices begin, begin + step, ... below end.
struct Strided {
  int64_t begin, end, step;
};

/// A thread's place among all `count` threads of a launch, block after block.
struct GridThread {
  int64_t index, count;

  /// The first elements of this thread's groups of `width` neighbours in [0, n). The last group of
  /// the grid may be shorter.
  TESSERA_HOST_DEVICE Strided groups(int64_t n, int width) const {
    return {index * width, n, count * width};
  }
  /// The lines of [0, lines) that this thread works on, in teams of `team` neighbouring threads.
  TESSERA_HOST_DEVICE Strided lines(int64_t lines, int team) const {
    return {index / team, lines, count / team};
  }
  /// The first elements of this thread's groups of `width` neighbours in a line of n, of which
  /// `width` is a divisor.
  TESSERA_HOST_DEVICE Strided elements(int64_t n, int team, int width) const {
    return {index % team * width, n, int64_t{team} * width};
  }
};

/// A line of n neighbours from element `start` on, whose groups of `width` begin at multiples of
/// it: [0, head) and [body, n) one by one, each shorter than a group, and groups in between.
struct LineParts {
  int64_t head, body;
};
TESSERA_HOST_DEVICE inline LineParts line_parts(int64_t start, int64_t n, int width) {
  const int64_t to_first = (width - start % width) % width, head = to_first < n ? to_first : n;
  return {head, head + (n - head) / width * width};
}

/// The first element of line `line` of a tensor [outer, n, inner] along its middle axis, whose
/// outer parts are `pitch` elements apart.
TESSERA_HOST_DEVICE inline int64_t line_start(int64_t line, int64_t pitch, int64_t inner) {
  return line / inner * pitch + line % inner;
}

}  // namespace tessera

// How a sum over the middle axis of x[outer, n, inner] is shared by the blocks of a CUDA device.
// Plain arithmetic, run for every thread of a grid by tests/framework/ops/sum_plan_test.cc.
#pragma once

#include <algorithm>
#include <cstdint>

#include "framework/core/host_device.h"

namespace tessera {

/// n is cut into `segments` of `length` elements, the last one shorter, so that few outputs still
/// give work to many blocks; their sums are summed in a second pass. The cut depends on the shape
/// only: the same bits on every device.
struct SumPlan {
  static constexpr int kThreads = 256;

  int64_t outer, n, inner;
  int64_t segments, length;

  SumPlan(int64_t outer, int64_t n, int64_t inner) : outer(outer), n(n), inner(inner) {
    // Some eight blocks for each multiprocessor of the largest devices, and enough elements to each
    // thread that its reduction in the block is the smaller part.
    constexpr int64_t kBlocks = 1024, kElements = 32;
    const int64_t blocks = std::max<int64_t>(inner == 1 ? outer : outer * tiles(), 1);
    const int64_t least = kElements * (inner == 1 ? kThreads : rows_at_once());
    const int64_t most = std::max<int64_t>((n + least - 1) / least, 1);
    const int64_t wanted = std::clamp<int64_t>(kBlocks / blocks, 1, most);
    // A multiple of the widest group of neighbours, 8 of 2 bytes.
    length = std::max<int64_t>((n + 8 * wanted - 1) / (8 * wanted) * 8, 8);
    segments = std::max<int64_t>((n + length - 1) / length, 1);
  }

  /// One run of the axis: where it begins in x, and its length.
  struct Segment {
    int64_t begin, count;
  };
  /// Segment `i` of all outer * segments, in the order of the partial sums.
  TESSERA_HOST_DEVICE Segment segment(int64_t i) const {
    const int64_t first = i % segments * length, left = n - first;
    return {(i / segments * n + first) * inner, left < length ? left : length};
  }

  // For inner > 1 a block takes a tile of neighbouring columns, and as many rows at once as it has
  // threads for: its loads are contiguous for every `inner`.
  TESSERA_HOST_DEVICE int64_t tile_width() const { return inner < kThreads ? inner : kThreads; }
  TESSERA_HOST_DEVICE int64_t tiles() const { return (inner + tile_width() - 1) / tile_width(); }
  TESSERA_HOST_DEVICE int64_t rows_at_once() const { return kThreads / tile_width(); }

  /// What thread `thread` adds up in block `block` of outer * segments * tiles(): the elements
  /// begin, begin + step, ... below end of x. No element for threads that are over.
  struct Column {
    int64_t begin, end, step;
    int64_t output;  ///< where the sum goes; -1 for all threads but those of the first row
  };
  TESSERA_HOST_DEVICE Column column(int64_t block, int thread) const {
    const int64_t width = tile_width(), row = thread / width;
    const int64_t column = block % tiles() * width + thread % width, part = block / tiles();
    if (row >= rows_at_once() || column >= inner) return {0, 0, 1, -1};
    const Segment of_part = segment(part);
    return {of_part.begin + row * inner + column, of_part.begin + of_part.count * inner,
            rows_at_once() * inner, row == 0 ? part * inner + column : -1};
  }
};

}  // namespace tessera

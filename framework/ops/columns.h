// How a CUDA kernel walks over a matrix [M, C] by columns: rows of features, or the pixels of nhwc
// images by channel. Plain arithmetic, for the device and for tests on the host.
//
// A block of threads_x x threads_y threads takes a strip of columns and a range of rows. A thread
// owns `vector` neighbouring columns there and visits every threads_y-th row of the range, so that
// the threads of a warp read contiguous memory. Reductions leave one partial result for each block
// and column, [blocks_y][C], which a second kernel merges: the order is fixed by the shape.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace tessera {

struct ColumnGrid {
  static constexpr int kThreads = 256;
  static constexpr int kVectorBytes = 16;  // the widest load of a thread
  static constexpr int kRowsAtOnce = 4;    // loads in flight, a thread

  int64_t M = 0, C = 0;
  int vector = 1;
  int threads_x = 1, threads_y = kThreads;
  int64_t blocks_x = 0, blocks_y = 0;
  int64_t rows_per_block = 0;

  constexpr int64_t column(int64_t block_x, int thread_x) const {
    return (block_x * threads_x + thread_x) * vector;
  }
  constexpr int64_t first_row(int64_t block_y, int thread_y) const {
    return block_y * rows_per_block + thread_y;
  }
  constexpr int64_t end_row(int64_t block_y) const {
    const int64_t end = (block_y + 1) * rows_per_block;
    return end < M ? end : M;
  }
};

/// The grid for elements of `element_bytes` that all start at a multiple of kVectorBytes.
/// `blocks` is how many blocks keep the device busy. REQUIRES: M, C >= 1.
inline ColumnGrid column_grid(int64_t M, int64_t C, int64_t element_bytes, int64_t blocks) {
  ColumnGrid grid{.M = M, .C = C};
  const int64_t vector = ColumnGrid::kVectorBytes / element_bytes;
  grid.vector = C % vector == 0 ? static_cast<int>(vector) : 1;
  const auto groups = static_cast<uint64_t>(C / grid.vector);
  grid.threads_x = static_cast<int>(std::min<uint64_t>(32, std::bit_ceil(groups)));
  grid.threads_y = ColumnGrid::kThreads / grid.threads_x;
  grid.blocks_x = (C / grid.vector + grid.threads_x - 1) / grid.threads_x;
  const int64_t least_rows = int64_t{ColumnGrid::kRowsAtOnce} * grid.threads_y;
  const int64_t most = std::max<int64_t>(1, blocks / grid.blocks_x);
  const int64_t wanted = std::min((M + least_rows - 1) / least_rows, most);
  grid.rows_per_block = (M + wanted - 1) / wanted;
  grid.blocks_y = (M + grid.rows_per_block - 1) / grid.rows_per_block;
  return grid;
}

}  // namespace tessera

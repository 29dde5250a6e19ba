// What the forward and backward kernels of attention on the tensor cores share. A block owns rows
// (queries or keys) of one head, a warp 16 of them; tiles of the other side follow each other in
// two stages of shared memory, one copied while the other is computed with. T: __nv_bfloat16 or
// __half; kWidth: D rounded up to 32, 64 or 128, with zeros in between.
#pragma once

#include <utility>

#include "framework/backend/tensor_core_cuda.h"
#include "framework/ops/attention_heads_cuda.h"
#include "framework/ops/attention_tiles.h"

namespace tessera {

inline constexpr int kMmaRows = 16;  // of a warp
inline constexpr float kLog2E = 1.4426950408889634f;

/// The rows of one head.
template <class T>
struct HeadRows {
  T* x;
  int64_t row;  ///< elements between rows
  int length;

  __device__ HeadRows(const Heads<T>& heads, int64_t n, int64_t h, int64_t D)
      : x(heads.at(n, h, 0, D)), row(heads.row), length(static_cast<int>(heads.length)) {}
  __device__ T* at(int t) const { return x + t * row; }
};

/// Which rows of which head a block owns. All heads' blocks with the most columns come first.
struct HeadBlock {
  int64_t head, n, h;
  int first;

  __device__ HeadBlock(const AttentionShape& shape, int owned, bool ascends) {
    const auto heads = static_cast<unsigned>(shape.N * shape.H);
    const unsigned block = blockIdx.x / heads, blocks = gridDim.x / heads;
    head = blockIdx.x % heads;
    n = head / shape.H;
    h = head % shape.H;
    first = static_cast<int>(ascends ? block : blocks - 1 - block) * owned;
  }
};

/// The block's threads start the copy of rows [first, first + kRows) of a head; zeros past the last
/// row and column.
template <int kRows, int kWidth, int kThreads, class T>
__device__ void fetch_rows(const HeadRows<const T>& from, int first, int D, T* to) {
  constexpr unsigned kChunks = kWidth / kChunk;
  constexpr int kAtOnce = kThreads / static_cast<int>(kChunks);
  static_assert(kRows % kAtOnce == 0);
  const int chunk = static_cast<int>(threadIdx.x % kChunks);
#pragma unroll
  for (int i = 0; i < kRows; i += kAtOnce) {
    const int row = static_cast<int>(threadIdx.x / kChunks) + i;
    const bool reads = first + row < from.length && chunk * kChunk < D;
    copy_async<16>(to + tile_offset<kWidth>(row, chunk),
                   reads ? from.at(first + row) + chunk * kChunk : from.x, reads);
  }
}

/// The fragments of 16 rows of a tile, `rows` the first.
template <int kWidth, class T>
__device__ void load_row_fragments(const T* rows, uint32_t (&to)[kWidth / 16][4]) {
  const PiecePlace at = rows_first(static_cast<int>(threadIdx.x % 32));
#pragma unroll
  for (int k = 0; k < kWidth / 16; ++k)
    load_pieces(rows + tile_offset<kWidth>(at.row, 2 * k + at.chunk), to[k]);
}

/// scores [16][kTile] = rows [16][kWidth] times tile [kTile][kWidth] transposed.
template <int kWidth, int kTile, class T>
__device__ void multiply_transposed(const uint32_t (&rows)[kWidth / 16][4], const T* tile,
                                    float (&scores)[kTile / 8][4]) {
  const PiecePlace at = chunks_first(static_cast<int>(threadIdx.x % 32));
#pragma unroll
  for (int j = 0; j < kTile / 8; ++j)
#pragma unroll
    for (int c = 0; c < 4; ++c) scores[j][c] = 0;
#pragma unroll
  for (int k = 0; k < kWidth / 16; ++k)
#pragma unroll
    for (int j = 0; j < kTile / 8; j += 2) {
      uint32_t weights[4];
      load_pieces(tile + tile_offset<kWidth>(8 * j + at.row, 2 * k + at.chunk), weights);
      multiply_pieces<T>(rows[k], weights[0], weights[1], scores[j]);
      multiply_pieces<T>(rows[k], weights[2], weights[3], scores[j + 1]);
    }
}

/// sums [16][kWidth] += weights [16][kTile], rounded to T, times tile [kTile][kWidth].
template <int kWidth, int kTile, class T>
__device__ void add_product(const float (&weights)[kTile / 8][4], const T* tile,
                            float (&sums)[kWidth / 8][4]) {
  const PiecePlace at = rows_first(static_cast<int>(threadIdx.x % 32));
#pragma unroll
  for (int k = 0; k < kTile / 16; ++k) {
    const auto &left = weights[2 * k], &right = weights[2 * k + 1];
    const uint32_t x[4] = {pack_pair<T>(left[0], left[1]), pack_pair<T>(left[2], left[3]),
                           pack_pair<T>(right[0], right[1]), pack_pair<T>(right[2], right[3])};
#pragma unroll
    for (int d = 0; d < kWidth / 8; d += 2) {
      uint32_t columns[4];
      load_pieces_transposed(tile + tile_offset<kWidth>(16 * k + at.row, d + at.chunk), columns);
      multiply_pieces<T>(x, columns[0], columns[1], sums[d]);
      multiply_pieces<T>(x, columns[2], columns[3], sums[d + 1]);
    }
  }
}

/// Rows [first, first + 16) of a head from a warp's sums, 16 bytes at a time, through its own 16
/// rows of shared memory.  REQUIRES: no other warp reads or fills these any more.
template <int kWidth, class T>
__device__ void store_rows(const float (&sums)[kWidth / 8][4], T* through, const HeadRows<T>& to,
                           int first, int D) {
  constexpr int kChunks = kWidth / kChunk;
  const int lane = static_cast<int>(threadIdx.x % 32);
  __syncwarp();  // after the warp's own reads
#pragma unroll
  for (int d = 0; d < kChunks; ++d)
#pragma unroll
    for (int half = 0; half < 2; ++half)
      *reinterpret_cast<uint32_t*>(through + tile_offset<kWidth>(lane / 4 + 8 * half, d) +
                                   lane % 4 * 2) =
          pack_pair<T>(sums[d][2 * half], sums[d][2 * half + 1]);
  __syncwarp();
#pragma unroll
  for (int piece = lane; piece < kMmaRows * kChunks; piece += 32) {
    const int row = piece / kChunks, chunk = piece % kChunks;
    if (first + row < to.length && chunk * kChunk < D)
      *reinterpret_cast<uint4*>(to.at(first + row) + chunk * kChunk) =
          *reinterpret_cast<const uint4*>(through + tile_offset<kWidth>(row, chunk));
  }
}

/// Scores that are not seen become -inf.
template <AttentionOwner kOwner, int kTile>
__device__ void hide_unseen(const AttentionSight& sight, int first_row, int first_column,
                            float (&scores)[kTile / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int j = 0; j < kTile / 8; ++j)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const int row = first_row + lane / 4 + c / 2 * 8;
      const int column = first_column + 8 * j + lane % 4 * 2 + c % 2;
      if (!sight.sees<kOwner>(row, column)) scores[j][c] = -INFINITY;
    }
}

/// What dropout keeps of a warp's scores: bit 4j + c is that of scores[j][c].
/// REQUIRES: all lanes call it; first_row and first_column are multiples of 4.
template <AttentionOwner kOwner, int kTile>
__device__ uint32_t kept_bits(const Scores<float>& scores, int64_t head, int first_row,
                              int first_column) {
  using Group = DropoutGroup<kOwner>;
  constexpr bool kQueries = kOwner == AttentionOwner::queries;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const RandomKey key = scores.key_now();
  const auto number = [&](int row, int column) {
    return kQueries ? scores.number(head, row, column) : scores.number(head, column, row);
  };
  uint32_t out = 0;
  if (scores.shape.Tk % 4 != 0) {  // groups would straddle blocks of the generator
#pragma unroll 1
    for (int i = 0; i < kTile / 2; ++i) {
      const int row = first_row + lane / 4 + i % 4 / 2 * 8;
      const int column = first_column + i / 4 * 8 + lane % 4 * 2 + i % 2;
      out |= static_cast<uint32_t>(scores.keeps(key.word(number(row, column)))) << i;
    }
    return out;
  }
  const Group group = Group::of(lane);
  uint64_t block = number(first_row + group.row, first_column + group.column) / 4;
  const uint64_t step = kQueries ? 2 : static_cast<uint64_t>(2 * scores.shape.Tk);
  uint32_t drawn = 0;
#pragma unroll 2
  for (int j = 0; j < kTile / 8; ++j, block += step) {
    const auto words = key.block(block);
#pragma unroll
    for (int i = 0; i < 4; ++i)
      drawn |= static_cast<uint32_t>(scores.keeps(words[i])) << (4 * j + i);
  }
#pragma unroll
  for (int i = 0; i < Group::kSources; ++i)
    out |= Group::bits(lane, i, __shfl_sync(0xffffffffu, drawn, Group::source(lane, i)));
  return out;
}

/// kept_bits() of what the forward pass stored; bits of scores that nothing sees may be 0.
template <AttentionOwner kOwner, int kTile>
__device__ uint32_t stored_bits(const KeptWords& kept, const uint32_t* words,
                                const AttentionSight& sight, int64_t head, int first_row,
                                int first_column) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if constexpr (kOwner == AttentionOwner::queries) {
    return words[kept.first(head, first_row, first_column) + lane] >>
           KeptWords::shift(first_column);
  } else {
    const KeptOfKeys of(lane, first_row);
    uint32_t bits = 0;
#pragma unroll
    for (int i = 0; i < kTile / KeptWords::kQueries; ++i) {
      const int query = first_column + i * KeptWords::kQueries;
      if (!kept.stores(sight, query, first_row)) continue;
      const uint32_t* const from = words + kept.first(head, query, first_row);
#pragma unroll
      for (int e = 0; e < 2; ++e) bits |= of.bits(from[of.source(e)], i, e);
    }
    return KeptOfKeys::in_order(bits);
  }
}

/// Calls f.template operator()<T, kWidth, kDrops>().
template <class F>
void dispatch_mma(DType dtype, int64_t D, bool drops, F&& f) {
  const auto with_width = [&]<class T, int kWidth>() {
    if (drops)
      f.template operator()<T, kWidth, true>();
    else
      f.template operator()<T, kWidth, false>();
  };
  const auto with_type = [&]<class T>() {
    if (D <= 32) return with_width.template operator()<T, 32>();
    if (D <= 64) return with_width.template operator()<T, 64>();
    with_width.template operator()<T, 128>();
  };
  if (dtype == DType::bf16)
    with_type.template operator()<__nv_bfloat16>();
  else
    with_type.template operator()<__half>();
}

/// Launches a kernel with a block for each `owned` of `rows` rows of every head.
template <class... Parameters, class... Arguments>
void launch_mma(const Cuda& cuda, void (*kernel)(Parameters...), const AttentionShape& shape,
                int64_t rows, int owned, int threads, size_t shared, Arguments&&... arguments) {
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(shared)),
             "attention", "cudaFuncSetAttribute");
  const int64_t blocks = shape.N * shape.H * ((rows + owned - 1) / owned);
  cuda.launch("attention", kernel, dim3(static_cast<unsigned>(blocks)),
              dim3(static_cast<unsigned>(threads)), shared, std::forward<Arguments>(arguments)...);
}

}  // namespace tessera

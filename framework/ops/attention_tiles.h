// Index arithmetic of attention on the tensor cores (attention_mma_cuda.h): which keys a query
// sees, where tiles lie in shared memory, and which lane draws which of dropout's numbers. A warp
// has 16 rows of scores and meets tiles of columns, in the fragments of
// framework/backend/tensor_core_cuda.h: value c of lane i in columns 8j .. 8j+7 is that of row i /
// 4 + c / 2 * 8, column 8j + i % 4 * 2 + c % 2.
#pragma once

#include <cstdint>

#include "framework/core/host_device.h"
#include "framework/ops/attention.h"

namespace tessera {

/// What the rows of scores are: the other side's are the columns.
enum class AttentionOwner { queries, keys };

/// AttentionShape::visible() for one batch row.  REQUIRES: lengths below 2^30.
struct AttentionSight {
  int keys = 0, shift = 0;

  TESSERA_HOST_DEVICE static AttentionSight of(const AttentionShape& shape, int64_t key_length) {
    AttentionSight sight;
    const int64_t seen = key_length < shape.Tk ? key_length : shape.Tk;
    sight.keys = static_cast<int>(seen > 0 ? seen : 0);
    sight.shift = shape.causal ? static_cast<int>(shape.Tk - shape.Tq) + 1 : 1 << 30;
    return sight;
  }
  /// Query i sees the keys [0, visible); it grows with i.
  TESSERA_HOST_DEVICE int visible(int i) const {
    const int end = i + shift < keys ? i + shift : keys;
    return end > 0 ? end : 0;
  }
  /// The columns [begin, end) that rows [first, last] see anything of, of `queries` or all keys.
  template <AttentionOwner kOwner>
  TESSERA_HOST_DEVICE void range(int first, int last, int queries, int& begin, int& end) const {
    if constexpr (kOwner == AttentionOwner::queries) {
      begin = 0;
      end = visible(last);
    } else {
      begin = first - shift + 1 > 0 ? first - shift + 1 : 0;
      end = first < keys ? queries : 0;
    }
  }
  /// Whether rows [first, last] see every column of [begin, end).
  template <AttentionOwner kOwner>
  TESSERA_HOST_DEVICE bool all(int first, int last, int begin, int end) const {
    return kOwner == AttentionOwner::queries ? end <= visible(first) : last < visible(begin);
  }
  template <AttentionOwner kOwner>
  TESSERA_HOST_DEVICE bool sees(int row, int column) const {
    return kOwner == AttentionOwner::queries ? column < visible(row) : row < visible(column);
  }
};

/// Elements of 16 bytes, what a thread copies at once and ldmatrix reads as one row of a piece.
inline constexpr int kChunk = 8;

/// Where chunk `chunk` of row `row` of a tile [rows][kWidth] begins. A row's chunks are permuted so
/// that the same chunk of 8 neighbouring rows lies in 8 different groups of banks.
template <int kWidth>
TESSERA_HOST_DEVICE constexpr int tile_offset(int row, int chunk) {
  static_assert(kWidth == 32 || kWidth == 64 || kWidth == 128);
  const int key = kWidth == 32 ? row / 2 % 4 : row % 8;
  return row * kWidth + (chunk ^ key) * kChunk;
}

/// The row and chunk whose address a lane gives for the four pieces of load_pieces().
struct PiecePlace {
  int row, chunk;
};
/// Rows 0-15, chunks 0 and 1: the fragment x; transposed, the weights of two products whose inner
/// extent is the rows.
TESSERA_HOST_DEVICE constexpr PiecePlace rows_first(int lane) { return {lane % 16, lane / 16}; }
/// The weights of two products whose columns are rows 0-7 and 8-15, the inner extent the chunks.
TESSERA_HOST_DEVICE constexpr PiecePlace chunks_first(int lane) {
  return {lane / 16 * 8 + lane % 8, lane / 8 % 2};
}

/// What dropout keeps, as the forward pass stores it for the backward one: a word for each lane of
/// every 16 queries and 64 keys that see each other at all, bit 4j + c for value c of the lane in
/// keys 8j .. 8j+7.
struct KeptWords {
  static constexpr int kQueries = 16, kKeys = 64, kLanes = 32;
  int queries = 0, blocks = 0, tiles = 0;  ///< of queries, of kQueries, of kKeys

  KeptWords() = default;
  explicit KeptWords(const AttentionShape& shape)
      : queries(static_cast<int>(shape.Tq)),
        blocks((queries + kQueries - 1) / kQueries),
        tiles((static_cast<int>(shape.Tk) + kKeys - 1) / kKeys) {}

  int64_t count(int64_t heads) const { return heads * blocks * tiles * kLanes; }
  /// The word of lane 0 for the block of a query and the tile of a key.
  TESSERA_HOST_DEVICE int64_t first(int64_t head, int query, int key) const {
    return ((head * blocks + query / kQueries) * tiles + key / kKeys) * kLanes;
  }
  /// Where in its tile's words a key's bits begin; it is the first of 8.
  TESSERA_HOST_DEVICE static int shift(int key) { return key % kKeys / 8 * 4; }
  /// Whether there are words of the block that begins with `query` and the tile of `key`.
  TESSERA_HOST_DEVICE bool stores(const AttentionSight& sight, int query, int key) const {
    const int end = query + kQueries < queries ? query + kQueries : queries;
    return query < queries && key / kKeys * kKeys < sight.visible(end - 1);
  }
};

/// How a lane finds its bits of those words where its rows are keys: 16 from `first_key` on, a
/// multiple of 16.
struct KeptOfKeys {
  int lane, shift;

  TESSERA_HOST_DEVICE KeptOfKeys(int of_lane, int first_key)
      : lane(of_lane % 4 * 8 + of_lane / 8), shift(KeptWords::shift(first_key) + of_lane / 4 % 2) {}
  /// The lane whose words have the columns 2n + e.
  TESSERA_HOST_DEVICE int source(int e) const { return lane + 4 * e; }
  /// What its word for the i-th 16 queries says of the columns 16i + 2n + e.
  TESSERA_HOST_DEVICE uint32_t bits(uint32_t word, int i, int e) const {
    return (word >> shift & 0x55u) << (8 * i + e);
  }
  /// All of them as kept_bits() has them: of each byte, the upper rows and the columns from 8 on
  /// change places.
  TESSERA_HOST_DEVICE static uint32_t in_order(uint32_t bits) {
    return (bits & 0xC3C3C3C3u) | (bits & 0x0C0C0C0Cu) << 2 | (bits >> 2 & 0x0C0C0C0Cu);
  }
};

/// Dropout draws four neighbouring keys of a query at once: one block of its generator. Each lane
/// draws one such group of every 8 columns of the warp's scores, and keeps 4 bits of it in a word,
/// those of columns 8j .. 8j+7 at 4j. Then the lanes exchange words.
template <AttentionOwner kOwner>
struct DropoutGroup {
  /// How many lanes' words a lane needs.
  static constexpr int kSources = kOwner == AttentionOwner::queries ? 2 : 4;

  int row, column;  ///< of the group's first key, in rows 0-15 and columns 0-7

  /// What a lane draws.
  TESSERA_HOST_DEVICE static constexpr DropoutGroup of(int lane) {
    const int g = lane / 4, t = lane % 4;
    if constexpr (kOwner == AttentionOwner::queries) return {g + t % 2 * 8, t / 2 * 4};
    return {g / 4 * 4 + g / 2 % 2 * 8, 2 * t + g % 2};
  }
  /// The lane that has the word `index` that this lane needs.
  TESSERA_HOST_DEVICE static constexpr int source(int lane, int index) {
    if constexpr (kOwner == AttentionOwner::queries) return lane / 2 * 2 + index;
    return lane / 16 * 16 + index * 4 + lane % 4;
  }
  /// What that word says of this lane's values: bit 4j + c is that of value c in columns 8j ..
  /// 8j+7.
  TESSERA_HOST_DEVICE static constexpr uint32_t bits(int lane, int index, uint32_t word) {
    if constexpr (kOwner == AttentionOwner::queries)
      return (word >> (lane % 2 * 2) & 0x33333333u) << (2 * index);
    return (word >> (lane / 4 % 4) & 0x11111111u) << index;
  }
};

}  // namespace tessera

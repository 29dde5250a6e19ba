// What attention on the CPU consists of but for the products: the rows of heads, blocks of scores,
// the running softmax, dropout and the derivatives. For attention_cpu.cc, in f32 and f64, and
// attention_bf16.cc.
#pragma once

#include <array>
#include <cmath>
#include <limits>

#include "framework/backend/vectorized.h"
#include "framework/ops/attention.h"
#include "framework/ops/block_product.h"
#include "framework/ops/draws_cpu.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera::attention_blocks {

// The lanes of a block of scores; few, so that little of a block lies behind the causal diagonal.
inline constexpr int64_t kQueries = kBlockProductColumns;
// Then scores, and each operand of their products, take 8 to 16 KiB in f32: the first cache.
inline constexpr int64_t kKeys = 64;

constexpr int64_t padded(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// The rows of one head: row i begins at x + i * row.
template <class T>
struct StridedRows {
  T* x;
  int64_t row, D;

  StridedRows from(int64_t i) const { return {x + i * row, row, D}; }
};

template <class T>
void unpack_rows(const T* from, int64_t columns, int64_t count, T scale, const StridedRows<T>& to) {
  for (int64_t i = 0; i < count; ++i, from += columns)
    for (int64_t d = 0; d < to.D; ++d) to.x[i * to.row + d] = from[d] * scale;
}

/// A bit a key, of up to kKeys: what dropout keeps of probabilities. Two words, since words as wide
/// as the scores make one vector with them.
struct KeptKeys {
  uint32_t words[2][kQueries];

  /// What probabilities of key j are multiplied with.
  template <class T>
  std::array<T, kQueries> factors(int64_t j, T scale) const {
    const uint32_t bit = uint32_t{1} << (j % 32);
    const auto& word = words[j / 32];
    std::array<T, kQueries> factors;
    for (size_t q = 0; q < kQueries; ++q) factors[q] = (word[q] & bit) != 0 ? scale : T(0);
    return factors;
  }
};

/// Of AttentionSaved::kept on the CPU, in i32: KeptKeys of each block of queries and keys of each
/// head.
inline Shape kept_shape(const AttentionShape& shape) {
  static_assert(sizeof(KeptKeys) == sizeof(int32_t) * 2 * kQueries);
  const int64_t blocks = padded(shape.Tq, kQueries) / kQueries * (padded(shape.Tk, kKeys) / kKeys);
  return {shape.N * shape.H, blocks, 2 * kQueries};
}

/// What dropout leaves of probabilities.
template <class T>
struct Keep {
  CpuIsa isa;
  RandomKey key;
  float dropout;
  T scale;
  KeptKeys* kept_blocks = nullptr;  ///< of AttentionSaved::kept, where there is one

  Keep(CpuIsa isa, const AttentionOptions& options, Tensor kept)
      : isa(isa),
        key(options.key),
        dropout(static_cast<float>(options.dropout)),
        scale(static_cast<T>(1 / (1 - options.dropout))) {
    if (kept.defined()) kept_blocks = reinterpret_cast<KeptKeys*>(kept.data<int32_t>());
    if (options.step.defined()) key.step = static_cast<uint32_t>(*options.step.data<int32_t>());
  }
  /// Bit j: whether number index + j keeps its key, for j in [0, count), count <= 64.
  uint64_t bits(int64_t index, int64_t count) const {
    const int64_t block = index / 4, skipped = index % 4;
    uint64_t kept = draws_at_least(isa, key, block, dropout) >> skipped;
    if (count > kDraws - skipped)
      kept |= draws_at_least(isa, key, block + kDrawBlocks, dropout) << (kDraws - skipped);
    return kept;
  }
};

/// One head of one batch row: where its rows lie, and which scores it has.
template <class T>
struct AttentionHead {
  const AttentionCall& call;
  const AttentionShape& shape = call.shape;
  int64_t n, h;
  int64_t length = call.key_lengths.defined() ? call.key_lengths.data<int64_t>()[n] : shape.Tk;

  StridedRows<const T> rows(const HeadsView& view, int64_t T_rows) const {
    const int64_t at = view.offset + n * T_rows * view.row + h * shape.D;
    return {view.tensor.data<T>() + at, view.row, shape.D};
  }
  StridedRows<T> rows(HeadsView& view, int64_t T_rows) const {
    const int64_t at = view.offset + n * T_rows * view.row + h * shape.D;
    return {view.tensor.data<T>() + at, view.row, shape.D};
  }
  /// Of a tensor [N, Tq, H, D] in memory order.
  HeadsView whole(const Tensor& tensor) const { return {tensor, 0, shape.H * shape.D}; }
  int64_t log_sums_at(int64_t i) const { return (n * shape.H + h) * shape.Tq + i; }
};

/// kQueries queries from `first` on, some of them padding, against one block of keys after the
/// other.
template <class T>
struct QueryBlock {
  int64_t first, count;
  int32_t visible[kQueries];  ///< each query sees the keys below it; 0 for padding
  int64_t end = 0;            ///< the largest of them

  QueryBlock(const AttentionHead<T>& head, int64_t first_query)
      : first(first_query), count(std::min(kQueries, head.shape.Tq - first_query)) {
    for (int64_t q = 0; q < kQueries; ++q) {
      const int64_t sees = q < count ? head.shape.visible(first + q, head.length) : 0;
      visible[q] = static_cast<int32_t>(sees);
      end = std::max(end, sees);
    }
  }
  /// Rows of the block of keys from `key` on, padded to a multiple.
  int64_t keys_at(int64_t key, int64_t multiple) const {
    return padded(std::min(kKeys, end - key), multiple);
  }
  /// Where forward leaves to backward what is kept of this block.
  KeptKeys& kept_block(const AttentionHead<T>& head, const Keep<T>& keep, int64_t key) const {
    const auto [N, H, Tq, Tk, D, causal] = head.shape;
    const int64_t queries = padded(Tq, kQueries) / kQueries, keys = padded(Tk, kKeys) / kKeys;
    return keep
        .kept_blocks[((head.n * H + head.h) * queries + first / kQueries) * keys + key / kKeys];
  }
  /// What is kept of the probabilities of `keys` keys from `key` on; undefined where hidden.
  KeptKeys kept(const AttentionHead<T>& head, const Keep<T>& keep, int64_t key,
                int64_t keys) const {
    KeptKeys kept{};
    for (int64_t q = 0; q < count; ++q) {
      const int64_t seen = std::min(visible[q] - key, keys);
      if (seen <= 0) continue;
      const uint64_t bits = keep.bits(head.log_sums_at(first + q) * head.shape.Tk + key, seen);
      kept.words[0][q] = static_cast<uint32_t>(bits);
      kept.words[1][q] = static_cast<uint32_t>(bits >> 32);
    }
    return kept;
  }
};

/// Softmax over keys that come block by block: sums with the maximum so far taken out.
template <class T>
struct RunningSoftmax {
  T max[kQueries], sum[kQueries], rescale[kQueries];

  RunningSoftmax() {
    std::fill_n(max, kQueries, -std::numeric_limits<T>::infinity());
    std::fill_n(sum, kQueries, T(0));
  }
  /// scores [keys][kQueries], those of the keys from `key` on, become exp(score - max), 0 where
  /// hidden. What was summed with an earlier maximum is to be multiplied by `rescale`.
  void add(const int32_t* visible, int64_t key, int64_t keys, T* scores) {
    T largest[kQueries], more[kQueries];
    for (int64_t q = 0; q < kQueries; ++q) largest[q] = max[q], more[q] = 0;
    for (int64_t j = 0; j < keys; ++j) {
      const T* const score = scores + j * kQueries;
      const auto place = static_cast<int32_t>(key + j);
      for (int64_t q = 0; q < kQueries; ++q)
        largest[q] = place < visible[q] && !(score[q] <= largest[q]) ? score[q] : largest[q];
    }
    for (int64_t j = 0; j < keys; ++j) {
      T* const score = scores + j * kQueries;
      const auto place = static_cast<int32_t>(key + j);
      for (int64_t q = 0; q < kQueries; ++q) {
        // Hidden scores are not handed to exp: their results could be denormal, which is slow.
        const bool hidden = place >= visible[q];
        const T e = vector_math::exp(hidden ? T(0) : score[q] - largest[q]);
        score[q] = hidden ? T(0) : e;
        more[q] += score[q];
      }
    }
    for (int64_t q = 0; q < kQueries; ++q) {
      const T e = vector_math::exp(max[q] - largest[q]);
      rescale[q] = max[q] == largest[q] ? T(1) : e;
      sum[q] = sum[q] * rescale[q] + more[q];
      max[q] = largest[q];
    }
  }
};

/// scores, probabilities, become what dropout leaves of them.
template <class T>
void drop(const AttentionHead<T>& head, const QueryBlock<T>& block, const Keep<T>& keep,
          int64_t key, int64_t n, T* scores) {
  if (keep.dropout == 0) return;
  const KeptKeys kept = block.kept(head, keep, key, n);
  if (keep.kept_blocks != nullptr) block.kept_block(head, keep, key) = kept;
  for (int64_t j = 0; j < n; ++j) {
    const auto factors = kept.factors(j, keep.scale);
    for (size_t q = 0; q < kQueries; ++q) scores[j * kQueries + q] *= factors[q];
  }
}

/// scores become what dropout leaves of the probabilities, and dscores, the gradients of those, the
/// gradients of the scores.
template <class T>
void differentiate(const AttentionHead<T>& head, const QueryBlock<T>& block, const Keep<T>& keep,
                   int64_t key, int64_t n, const T* log_sum, const T* dot, T* scores, T* dscores) {
  const bool drops = keep.dropout > 0;
  KeptKeys kept;
  if (drops)
    kept = keep.kept_blocks != nullptr ? block.kept_block(head, keep, key)
                                       : block.kept(head, keep, key, n);
  for (int64_t j = 0; j < n; ++j) {
    T* const score = scores + j * kQueries;
    T* const dscore = dscores + j * kQueries;
    const auto place = static_cast<int32_t>(key + j);
    for (int64_t q = 0; q < kQueries; ++q) {
      const bool hidden = place >= block.visible[q];
      const T e = vector_math::exp(hidden ? T(0) : score[q] - log_sum[q]);
      score[q] = hidden ? T(0) : e;
    }
    if (drops) {
      const auto factors = kept.factors(j, keep.scale);
      for (size_t q = 0; q < kQueries; ++q) {
        dscore[q] = score[q] * (dscore[q] * factors[q] - dot[q]);
        score[q] *= factors[q];
      }
    } else {
      for (int64_t q = 0; q < kQueries; ++q) dscore[q] = score[q] * (dscore[q] - dot[q]);
    }
  }
}

/// Calls f(head, scratch) for all heads of all batch rows, split over the threads.
template <class T, class Pass, class F>
void for_heads(Cpu& cpu, const AttentionCall& call, const Pass& pass, F f) {
  const int64_t heads = call.shape.H;
  Tensor scratch = Tensor::empty({cpu.threads(), pass.scratch_size()}, {.dtype = dtype_of<T>});
  cpu.parallel_ranges(call.shape.N * heads, 1, [&](int64_t begin, int64_t end, int64_t range) {
    vectorized(cpu.isa(), [&] {
      for (int64_t i = begin; i < end; ++i)
        f(AttentionHead<T>{.call = call, .n = i / heads, .h = i % heads},
          scratch.data<T>() + range * pass.scratch_size());
    });
  });
}

}  // namespace tessera::attention_blocks

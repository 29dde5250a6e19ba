// One thread works through one head of one batch row at a time. It first copies the head's rows to
// scratch memory, padded with zeros, since they lie far apart in [N, T, H, D]; then blocks of
// queries meet blocks of keys, and all products are block_product(). Scores are kept as
// [key][query]: a query is a lane, so that maxima and sums over keys need no sum across lanes.
#include <cmath>
#include <utility>

#include "framework/backend/vectorized.h"
#include "framework/ops/attention.h"
#include "framework/ops/block_product.h"
#include "framework/ops/draws_cpu.h"
#include "framework/ops/vector_math_cpu.h"

namespace tessera {
namespace {

// The lanes of a block of scores; few, so that little of a block lies behind the causal diagonal.
constexpr int64_t kQueries = kBlockProductColumns;
// Then scores, and each operand of their products, take 8 to 16 KiB in f32: the first cache.
constexpr int64_t kKeys = 64;
// Up to so many queries, as in decoding, packing the keys would cost more than it saves.
constexpr int64_t kDirectQueries = 2;

constexpr int64_t padded(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// The rows of one head: row i begins at x + i * row.
template <class T>
struct HeadRows {
  T* x;
  int64_t row, D;

  HeadRows from(int64_t i) const { return {x + i * row, row, D}; }
};

/// to[i][d] = scale * from[i][d] for `count` rows, with zeros up to `rows` x `columns`.
template <class T>
void pack_rows(const HeadRows<const T>& from, int64_t count, T scale, int64_t rows, int64_t columns,
               T* to) {
  for (int64_t i = 0; i < rows; ++i, to += columns) {
    const int64_t used = i < count ? from.D : 0;
    const T* const x = from.x + (i < count ? i * from.row : 0);
    for (int64_t d = 0; d < used; ++d) to[d] = x[d] * scale;
    for (int64_t d = used; d < columns; ++d) to[d] = 0;
  }
}

template <class T>
void unpack_rows(const T* from, int64_t columns, int64_t count, T scale, const HeadRows<T>& to) {
  for (int64_t i = 0; i < count; ++i, from += columns)
    for (int64_t d = 0; d < to.D; ++d) to.x[i * to.row + d] = from[d] * scale;
}

/// to[d][q] = from[q][d] for kQueries packed rows.
template <class T>
void transpose_rows(const T* from, int64_t columns, T* to) {
  constexpr int64_t kTile = 8;  // whole cache lines on both sides
  for (int64_t d = 0; d < columns; d += kTile)
    for (int64_t q = 0; q < kQueries; q += kTile)
      for (int64_t y = 0; y < kTile; ++y)
        for (int64_t x = 0; x < kTile; ++x)
          to[(d + y) * kQueries + q + x] = from[(q + x) * columns + d + y];
}

/// What dropout leaves of probabilities.
template <class T>
struct Keep {
  CpuIsa isa;
  RandomKey key;
  float dropout;
  T scale;

  Keep(CpuIsa isa, const AttentionOptions& options)
      : isa(isa),
        key(options.key),
        dropout(static_cast<float>(options.dropout)),
        scale(static_cast<T>(1 / (1 - options.dropout))) {
    if (options.step.defined()) key.step = static_cast<uint32_t>(*options.step.data<int32_t>());
  }
  /// to[j * kQueries] = the factor of number index + j, for j in [0, count).
  void factors(int64_t index, int64_t count, T* to) const {
    for (int64_t j = 0; j < count;) {
      const int64_t block = (index + j) / 4, skipped = index + j - 4 * block;
      const auto draws = draw(isa, key, block);
      const int64_t end = std::min(kDraws - skipped, count - j);
      for (int64_t i = 0; i < end; ++i, ++j)
        to[j * kQueries] = draws[static_cast<size_t>(skipped + i)] >= dropout ? scale : T(0);
    }
  }
};

/// One head of one batch row: where its rows lie, and which scores it has.
template <class T>
struct Head {
  const AttentionCall& call;
  const AttentionShape& shape = call.shape;
  int64_t n, h;
  int64_t length = call.key_lengths.defined() ? call.key_lengths.data<int64_t>()[n] : shape.Tk;

  HeadRows<const T> rows(const HeadsView& view, int64_t T_rows) const {
    const int64_t at = view.offset + n * T_rows * view.row + h * shape.D;
    return {view.tensor.data<T>() + at, view.row, shape.D};
  }
  HeadRows<T> rows(HeadsView& view, int64_t T_rows) const {
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

  QueryBlock(const Head<T>& head, int64_t first_query)
      : first(first_query), count(std::min(kQueries, head.shape.Tq - first_query)) {
    for (int64_t q = 0; q < kQueries; ++q) {
      const int64_t sees = q < count ? head.shape.visible(first + q, head.length) : 0;
      visible[q] = static_cast<int32_t>(sees);
      end = std::max(end, sees);
    }
  }
  /// Rows of the block of keys from `key` on, padding included.
  int64_t keys_at(int64_t key) const {
    return padded(std::min(kKeys, end - key), kBlockProductRows);
  }
  /// factors [keys][kQueries] of the probabilities of `keys` keys from `key` on; undefined where
  /// hidden.
  void factors(const Head<T>& head, const Keep<T>& keep, int64_t key, int64_t keys, T* to) const {
    for (int64_t q = 0; q < count; ++q) {
      const int64_t seen = std::min(visible[q] - key, keys);
      keep.factors(head.log_sums_at(first + q) * head.shape.Tk + key, seen, to + q);
    }
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

template <class T>
struct Forward {
  const AttentionCall& call;
  CpuIsa isa;
  Keep<T> keep{isa, call.options};
  int64_t D = padded(call.shape.D, kBlockProductColumns);
  int64_t Tk = padded(call.shape.Tk, kBlockProductRows);

  /// Of one thread, in elements.
  int64_t scratch_size() const { return 2 * Tk * D + 3 * kQueries * D + 2 * kKeys * kQueries; }

  void run(const Head<T>& head, T* scratch, T* log_sums, Tensor& y) const {
    if (head.shape.Tq <= kDirectQueries && keep.dropout == 0) {
      for (int64_t i = 0; i < head.shape.Tq; ++i) direct(head, i, scratch, log_sums, y);
      return;
    }
    T* const keys = scratch;
    T* const values = keys + Tk * D;
    pack_rows(head.rows(call.k, head.shape.Tk), head.shape.Tk, T(1), Tk, D, keys);
    pack_rows(head.rows(call.v, head.shape.Tk), head.shape.Tk, T(1), Tk, D, values);
    for (int64_t i = 0; i < head.shape.Tq; i += kQueries)
      queries(head, QueryBlock<T>(head, i), keys, values, log_sums, y);
  }

  /// One query against the keys where they lie.
  void direct(const Head<T>& head, int64_t i, T* scores, T* log_sums, Tensor& y) const {
    const HeadRows<const T> keys = head.rows(call.k, head.shape.Tk),
                            values = head.rows(call.v, head.shape.Tk);
    const T* const q = head.rows(call.q, head.shape.Tq).from(i).x;
    HeadsView view = head.whole(y);
    T* const out = head.rows(view, head.shape.Tq).from(i).x;
    const int64_t seen = head.shape.visible(i, head.length), dim = head.shape.D;
    const T scale = static_cast<T>(call.options.scale);
    for (int64_t j = 0; j < seen; ++j)
      scores[j] = scale * vector_math::lane_sum<T>(
                              dim, [q, k = keys.from(j).x](int64_t d) { return q[d] * k[d]; });
    const T max = vector_math::lane_max(seen, scores);
    for (int64_t j = 0; j < seen; ++j) scores[j] = vector_math::exp(scores[j] - max);
    const T sum = vector_math::lane_sum<T>(seen, [scores](int64_t j) { return scores[j]; });
    std::fill_n(out, dim, T(0));
    for (int64_t j = 0; j < seen; ++j) {
      const T share = scores[j] / sum;
      const T* const v = values.from(j).x;
      for (int64_t d = 0; d < dim; ++d) out[d] += share * v[d];
    }
    log_sums[head.log_sums_at(i)] = seen > 0 ? max + std::log(sum) : T(0);
  }

  void queries(const Head<T>& head, const QueryBlock<T>& block, const T* keys, T* values,
               T* log_sums, Tensor& y) const {
    T* const packed = values + Tk * D;
    T* const by_column = packed + kQueries * D;
    T* const out = by_column + kQueries * D;
    T* const scores = out + kQueries * D;
    T* const factors = scores + kKeys * kQueries;
    pack_rows(head.rows(call.q, head.shape.Tq).from(block.first), block.count,
              static_cast<T>(call.options.scale), kQueries, D, packed);
    transpose_rows(packed, D, by_column);
    std::fill_n(out, kQueries * D, T(0));
    RunningSoftmax<T> softmax;
    for (int64_t key = 0; key < block.end; key += kKeys) {
      const int64_t n = block.keys_at(key);
      block_product(isa, {n, kQueries, call.shape.D, keys + key * D, D, 1, by_column, kQueries,
                          scores, kQueries});
      softmax.add(block.visible, key, n, scores);
      if (keep.dropout > 0) {
        block.factors(head, keep, key, n, factors);
        for (int64_t i = 0; i < n * kQueries; ++i) scores[i] *= scores[i] == 0 ? T(0) : factors[i];
      }
      for (int64_t q = 0; key > 0 && q < kQueries; ++q)
        for (int64_t d = 0; d < D; ++d) out[q * D + d] *= softmax.rescale[q];
      block_product(isa, {kQueries, D, n, scores, 1, kQueries, values + key * D, D, out, D, true});
    }
    HeadsView view = head.whole(y);
    const HeadRows<T> rows = head.rows(view, head.shape.Tq).from(block.first);
    for (int64_t q = 0; q < block.count; ++q) {
      const bool sees = block.visible[q] > 0;
      log_sums[head.log_sums_at(block.first + q)] =
          sees ? softmax.max[q] + std::log(softmax.sum[q]) : T(0);
      unpack_rows(out + q * D, D, 1, sees ? T(1) / softmax.sum[q] : T(0), rows.from(q));
    }
  }
};

template <class T>
struct Backward {
  const AttentionCall& call;
  CpuIsa isa;
  Keep<T> keep{isa, call.options};
  int64_t D = padded(call.shape.D, kBlockProductColumns);
  int64_t Tk = padded(call.shape.Tk, kBlockProductRows);

  int64_t scratch_size() const { return 4 * Tk * D + 5 * kQueries * D + 3 * kKeys * kQueries; }

  struct Gradients {
    HeadsView &dq, &dk, &dv;
  };

  void run(const Head<T>& head, T* scratch, const T* log_sums, const Tensor& y, const Tensor& dy,
           const Gradients& to) const {
    const int64_t rows = head.shape.Tk;
    T* const keys = scratch;
    T* const values = keys + Tk * D;
    T* const dkeys = values + Tk * D;
    T* const dvalues = dkeys + Tk * D;
    pack_rows(head.rows(call.k, rows), rows, T(1), Tk, D, keys);
    pack_rows(head.rows(call.v, rows), rows, T(1), Tk, D, values);
    std::fill_n(dkeys, 2 * Tk * D, T(0));
    for (int64_t i = 0; i < head.shape.Tq; i += kQueries)
      queries(head, QueryBlock<T>(head, i), keys, log_sums, y, dy, to.dq);
    unpack_rows(dkeys, D, rows, T(1), head.rows(to.dk, rows));
    unpack_rows(dvalues, D, rows, T(1), head.rows(to.dv, rows));
  }

  /// `keys` begins what run() laid out: keys, values and their gradients.
  void queries(const Head<T>& head, const QueryBlock<T>& block, T* keys, const T* log_sums,
               const Tensor& y, const Tensor& dy, HeadsView& to_dq) const {
    T* const values = keys + Tk * D;
    T* const dkeys = values + Tk * D;
    T* const dvalues = dkeys + Tk * D;
    T* const q = dvalues + Tk * D;
    T* const q_by_column = q + kQueries * D;
    T* const dout = q_by_column + kQueries * D;
    T* const dout_by_column = dout + kQueries * D;
    T* const dq = dout_by_column + kQueries * D;
    T* const scores = dq + kQueries * D;
    T* const dscores = scores + kKeys * kQueries;
    T log_sum[kQueries], dot[kQueries];
    load(head, block, log_sums, y, dy, q, dout, dq, log_sum, dot);
    transpose_rows(q, D, q_by_column);
    transpose_rows(dout, D, dout_by_column);
    std::fill_n(dq, kQueries * D, T(0));
    for (int64_t key = 0; key < block.end; key += kKeys) {
      const int64_t n = block.keys_at(key), at = key * D;
      const auto by_keys = [&](const T* rows, const T* columns, T* out) {
        block_product(
            isa, {n, kQueries, call.shape.D, rows + at, D, 1, columns, kQueries, out, kQueries});
      };
      by_keys(keys, q_by_column, scores);
      by_keys(values, dout_by_column, dscores);
      differentiate(head, block, key, n, log_sum, dot, scores);
      block_product(isa, {n, D, kQueries, scores, kQueries, 1, dout, D, dvalues + at, D, true});
      block_product(isa, {n, D, kQueries, dscores, kQueries, 1, q, D, dkeys + at, D, true});
      block_product(isa, {kQueries, D, n, dscores, 1, kQueries, keys + at, D, dq, D, true});
    }
    unpack_rows(dq, D, block.count, static_cast<T>(call.options.scale),
                head.rows(to_dq, head.shape.Tq).from(block.first));
  }

  /// Packs q and dout; for each query log_sum and dot = sum_d y[d] * dy[d]. `products` is scratch.
  void load(const Head<T>& head, const QueryBlock<T>& block, const T* log_sums, const Tensor& y,
            const Tensor& dy, T* q, T* dout, T* products, T* log_sum, T* dot) const {
    const auto rows_of = [&](const HeadsView& view) {
      return head.rows(view, head.shape.Tq).from(block.first);
    };
    pack_rows(rows_of(call.q), block.count, static_cast<T>(call.options.scale), kQueries, D, q);
    pack_rows(rows_of(head.whole(dy)), block.count, T(1), kQueries, D, dout);
    pack_rows(rows_of(head.whole(y)), block.count, T(1), kQueries, D, products);
    for (int64_t i = 0; i < kQueries; ++i) {
      log_sum[i] = i < block.count ? log_sums[head.log_sums_at(block.first + i)] : T(0);
      dot[i] = vector_math::lane_sum<T>(D, [y_row = products + i * D, dy_row = dout + i * D](
                                               int64_t d) { return y_row[d] * dy_row[d]; });
    }
  }

  /// scores become what dropout leaves of the probabilities, and the dscores after them the
  /// gradients of the scores.
  void differentiate(const Head<T>& head, const QueryBlock<T>& block, int64_t key, int64_t n,
                     const T* log_sum, const T* dot, T* scores) const {
    T* const dscores = scores + kKeys * kQueries;
    T* const factors = dscores + kKeys * kQueries;
    if (keep.dropout > 0) block.factors(head, keep, key, n, factors);
    const bool drops = keep.dropout > 0;
    for (int64_t j = 0; j < n; ++j) {
      T* const score = scores + j * kQueries;
      T* const dscore = dscores + j * kQueries;
      const T* const factor = factors + j * kQueries;
      const auto place = static_cast<int32_t>(key + j);
      for (int64_t q = 0; q < kQueries; ++q) {
        const bool hidden = place >= block.visible[q];
        const T e = vector_math::exp(hidden ? T(0) : score[q] - log_sum[q]);
        score[q] = hidden ? T(0) : e;
      }
      if (drops) {
        for (int64_t q = 0; q < kQueries; ++q) {
          const T kept = place < block.visible[q] ? factor[q] : T(0);
          dscore[q] = score[q] * (dscore[q] * kept - dot[q]);
          score[q] *= kept;
        }
      } else {
        for (int64_t q = 0; q < kQueries; ++q) dscore[q] = score[q] * (dscore[q] - dot[q]);
      }
    }
  }
};

/// Calls f(head, scratch) for all heads of all batch rows, split over the threads.
template <class T, class Pass, class F>
void for_heads(Cpu& cpu, const AttentionCall& call, const Pass& pass, F f) {
  const int64_t heads = call.shape.H;
  Tensor scratch = Tensor::empty({cpu.threads(), pass.scratch_size()}, {.dtype = dtype_of<T>});
  cpu.parallel_ranges(call.shape.N * heads, 1, [&](int64_t begin, int64_t end, int64_t range) {
    vectorized(cpu.isa(), [&] {
      for (int64_t i = begin; i < end; ++i)
        f(Head<T>{.call = call, .n = i / heads, .h = i % heads},
          scratch.data<T>() + range * pass.scratch_size());
    });
  });
}

}  // namespace

void attention_forward(Cpu& cpu, const AttentionCall& call, AttentionSaved& saved, Tensor& y) {
  dispatch_float("attention", y.dtype(), [&]<class T>() {
    const Forward<T> forward{call, cpu.isa()};
    for_heads<T>(cpu, call, forward, [&](const Head<T>& head, T* scratch) {
      forward.run(head, scratch, saved.log_sums.data<T>(), y);
    });
  });
}

void attention_backward(Cpu& cpu, const AttentionCall& call, const AttentionSaved& saved,
                        const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                        HeadsView& dv) {
  dispatch_float("attention", y.dtype(), [&]<class T>() {
    const Backward<T> backward{call, cpu.isa()};
    for_heads<T>(cpu, call, backward, [&](const Head<T>& head, T* scratch) {
      backward.run(head, scratch, saved.log_sums.data<T>(), y, dy, {dq, dk, dv});
    });
  });
}

}  // namespace tessera

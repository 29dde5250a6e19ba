// One thread works through one head of one batch row at a time. It first copies the head's rows to
// scratch memory, padded with zeros, since they lie far apart in [N, T, H, D]; then blocks of
// queries meet blocks of keys, and all products are block_product(). Scores are kept as
// [key][query]: a query is a lane, so that maxima and sums over keys need no sum across lanes.
#include <cmath>

#include "framework/ops/attention_bf16.h"
#include "framework/ops/attention_blocks_cpu.h"

namespace tessera {
namespace {

using namespace attention_blocks;

// Up to so many queries, as in decoding, packing the keys would cost more than it saves.
constexpr int64_t kDirectQueries = 2;

/// to[i][d] = scale * from[i][d] for `count` rows, with zeros up to `rows` x `columns`.
template <class T>
void pack_rows(const StridedRows<const T>& from, int64_t count, T scale, int64_t rows,
               int64_t columns, T* to) {
  for (int64_t i = 0; i < rows; ++i, to += columns) {
    const int64_t used = i < count ? from.D : 0;
    const T* const x = from.x + (i < count ? i * from.row : 0);
    for (int64_t d = 0; d < used; ++d) to[d] = x[d] * scale;
    for (int64_t d = used; d < columns; ++d) to[d] = 0;
  }
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

template <class T>
struct Forward {
  const AttentionCall& call;
  CpuIsa isa;
  const AttentionSaved& saved;
  Keep<T> keep{isa, call.options, saved.kept};
  int64_t D = padded(call.shape.D, kBlockProductColumns);
  int64_t Tk = padded(call.shape.Tk, kBlockProductRows);

  /// Of one thread, in elements.
  int64_t scratch_size() const { return 2 * Tk * D + 3 * kQueries * D + kKeys * kQueries; }

  void run(const AttentionHead<T>& head, T* scratch, T* log_sums, Tensor& y) const {
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
  void direct(const AttentionHead<T>& head, int64_t i, T* scores, T* log_sums, Tensor& y) const {
    const StridedRows<const T> keys = head.rows(call.k, head.shape.Tk),
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

  void queries(const AttentionHead<T>& head, const QueryBlock<T>& block, const T* keys, T* values,
               T* log_sums, Tensor& y) const {
    T* const packed = values + Tk * D;
    T* const by_column = packed + kQueries * D;
    T* const out = by_column + kQueries * D;
    T* const scores = out + kQueries * D;
    pack_rows(head.rows(call.q, head.shape.Tq).from(block.first), block.count,
              static_cast<T>(call.options.scale), kQueries, D, packed);
    transpose_rows(packed, D, by_column);
    std::fill_n(out, kQueries * D, T(0));
    RunningSoftmax<T> softmax;
    for (int64_t key = 0; key < block.end; key += kKeys) {
      const int64_t n = block.keys_at(key, kBlockProductRows);
      block_product(isa, {n, kQueries, call.shape.D, keys + key * D, D, 1, by_column, kQueries,
                          scores, kQueries});
      softmax.add(block.visible, key, n, scores);
      drop(head, block, keep, key, n, scores);
      for (int64_t q = 0; key > 0 && q < kQueries; ++q)
        for (int64_t d = 0; d < D; ++d) out[q * D + d] *= softmax.rescale[q];
      block_product(isa, {kQueries, D, n, scores, 1, kQueries, values + key * D, D, out, D, true});
    }
    HeadsView view = head.whole(y);
    const StridedRows<T> rows = head.rows(view, head.shape.Tq).from(block.first);
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
  const AttentionSaved& saved;
  Keep<T> keep{isa, call.options, saved.kept};
  int64_t D = padded(call.shape.D, kBlockProductColumns);
  int64_t Tk = padded(call.shape.Tk, kBlockProductRows);

  int64_t scratch_size() const { return 4 * Tk * D + 5 * kQueries * D + 2 * kKeys * kQueries; }

  struct Gradients {
    HeadsView &dq, &dk, &dv;
  };

  void run(const AttentionHead<T>& head, T* scratch, const T* log_sums, const Tensor& y,
           const Tensor& dy, const Gradients& to) const {
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
  void queries(const AttentionHead<T>& head, const QueryBlock<T>& block, T* keys, const T* log_sums,
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
      const int64_t n = block.keys_at(key, kBlockProductRows), at = key * D;
      const auto by_keys = [&](const T* rows, const T* columns, T* out) {
        block_product(
            isa, {n, kQueries, call.shape.D, rows + at, D, 1, columns, kQueries, out, kQueries});
      };
      by_keys(keys, q_by_column, scores);
      by_keys(values, dout_by_column, dscores);
      differentiate(head, block, keep, key, n, log_sum, dot, scores, dscores);
      block_product(isa, {n, D, kQueries, scores, kQueries, 1, dout, D, dvalues + at, D, true});
      block_product(isa, {n, D, kQueries, dscores, kQueries, 1, q, D, dkeys + at, D, true});
      block_product(isa, {kQueries, D, n, dscores, 1, kQueries, keys + at, D, dq, D, true});
    }
    unpack_rows(dq, D, block.count, static_cast<T>(call.options.scale),
                head.rows(to_dq, head.shape.Tq).from(block.first));
  }

  /// Packs q and dout; for each query log_sum and dot = sum_d y[d] * dy[d]. `products` is scratch.
  void load(const AttentionHead<T>& head, const QueryBlock<T>& block, const T* log_sums,
            const Tensor& y, const Tensor& dy, T* q, T* dout, T* products, T* log_sum,
            T* dot) const {
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
};

bool takes_bf16(const Cpu& cpu, const AttentionCall& call) {
  return cpu.bf16_products() && call.q.tensor.dtype() == DType::f32 &&
         call.shape.Tq > kDirectQueries;
}

}  // namespace

void attention_forward(Cpu& cpu, const AttentionCall& call, AttentionSaved& saved, Tensor& y) {
  const Shape kept = kept_shape(call.shape);
  if (saves_kept(call, kept.numel() * size_of(DType::i32), y))
    saved.kept = Tensor::empty(kept, {.dtype = DType::i32});
  if (takes_bf16(cpu, call)) return attention_forward_bf16(cpu, call, saved, y);
  dispatch_float("attention", y.dtype(), [&]<class T>() {
    const Forward<T> forward{call, cpu.isa(), saved};
    for_heads<T>(cpu, call, forward, [&](const AttentionHead<T>& head, T* scratch) {
      forward.run(head, scratch, saved.log_sums.data<T>(), y);
    });
  });
}

void attention_backward(Cpu& cpu, const AttentionCall& call, const AttentionSaved& saved,
                        const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                        HeadsView& dv) {
  if (takes_bf16(cpu, call)) return attention_backward_bf16(cpu, call, saved, y, dy, dq, dk, dv);
  dispatch_float("attention", y.dtype(), [&]<class T>() {
    const Backward<T> backward{call, cpu.isa(), saved};
    for_heads<T>(cpu, call, backward, [&](const AttentionHead<T>& head, T* scratch) {
      backward.run(head, scratch, saved.log_sums.data<T>(), y, dy, {dq, dk, dv});
    });
  });
}

}  // namespace tessera

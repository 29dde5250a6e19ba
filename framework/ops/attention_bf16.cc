// The scheme of attention_cpu.cc on bf16_block_product(). Sums over keys come out as [d][query], so
// that the scores, [key][query], are factors as they lie: rows or pairs of keys.
#include "framework/ops/attention_bf16.h"

#include <cmath>
#include <utility>

#include "framework/ops/attention_blocks_cpu.h"
#include "framework/ops/bf16_block_product.h"

namespace tessera {
namespace {

using namespace attention_blocks;

static_assert(kQueries == kBf16Block && kKeys % kBf16Block == 0);

constexpr int64_t kScores = kKeys * kQueries;

/// The first `count` rows, scaled.
PaddedMatrix matrix_of(const StridedRows<const float>& rows, int64_t count, float scale = 1) {
  return {rows.x, rows.row, count, rows.D, scale};
}
/// Scores of n keys.
PaddedMatrix matrix_of(const float* scores, int64_t n) { return {scores, kQueries, n, kQueries}; }

/// Hands out parts of a thread's scratch memory.
struct Scratch {
  float* next;

  float* floats(int64_t count) { return std::exchange(next, next + count); }
  uint16_t* halves(int64_t count) { return reinterpret_cast<uint16_t*>(floats(count / 2)); }
  uint32_t* pairs(int64_t count) { return reinterpret_cast<uint32_t*>(floats(count / 2)); }
};

struct Extents {
  int64_t D, Tk;
  int64_t key_row;  ///< between rows of keys

  explicit Extents(const AttentionShape& shape)
      : D(padded(shape.D, kBf16Block)),
        Tk(padded(shape.Tk, kBf16Block)),
        key_row(spread_row<uint16_t>(Tk)) {}
};

/// rows.x[q][d] = scale[q] * columns[d][q]; `turned` is scratch of as many elements.
void store_columns(const float* columns, const Extents& extents, int64_t count, const float* scale,
                   float* turned, const StridedRows<float>& rows) {
  transpose_floats(columns, kQueries, extents.D, kQueries, turned, extents.D);
  for (int64_t q = 0; q < count; ++q)
    unpack_rows(turned + q * extents.D, extents.D, 1, scale[q], rows.from(q));
}

struct Bf16Forward {
  const AttentionCall& call;
  CpuIsa isa;
  const AttentionSaved& saved;
  Keep<float> keep{isa, call.options, saved.kept};
  Extents extents{call.shape};

  int64_t scratch_size() const {
    const auto [D, Tk, key_row] = extents;
    return (Tk + key_row) * D / 2 + 5 * kQueries * D / 2 + 3 * kScores / 2;
  }

  void run(const AttentionHead<float>& head, float* scratch, float* log_sums, Tensor& y) const {
    const auto [D, Tk, key_row] = extents;
    const int64_t rows = head.shape.Tk;
    Scratch rest{scratch};
    uint16_t* const keys = rest.halves(Tk * D);
    uint16_t* const values = rest.halves(key_row * D);
    bf16_rows(matrix_of(head.rows(call.k, rows), rows), Tk, D, keys, D);
    bf16_rows_of_transpose(matrix_of(head.rows(call.v, rows), rows), D, Tk, values, key_row);
    for (int64_t i = 0; i < head.shape.Tq; i += kQueries)
      queries(head, QueryBlock<float>(head, i), keys, values, rest, log_sums, y);
  }

  void queries(const AttentionHead<float>& head, const QueryBlock<float>& block,
               const uint16_t* keys, const uint16_t* values, Scratch rest, float* log_sums,
               Tensor& y) const {
    const int64_t D = extents.D;
    uint32_t* const q = rest.pairs(D * kQueries);
    float* const out = rest.floats(D * kQueries);
    float* const turned = rest.floats(D * kQueries);
    float* const scores = rest.floats(kScores);
    uint32_t* const kept = rest.pairs(kScores);
    bf16_pairs_of_transpose(matrix_of(head.rows(call.q, head.shape.Tq).from(block.first),
                                      block.count, static_cast<float>(call.options.scale)),
                            D, kQueries, q, kQueries);
    std::fill_n(out, D * kQueries, 0.0f);
    RunningSoftmax<float> softmax;
    for (int64_t key = 0; key < block.end; key += kKeys) {
      const int64_t n = block.keys_at(key, kBf16Block);
      bf16_block_product(isa, {n, kQueries, D, keys + key * D, D, q, kQueries, scores, kQueries});
      softmax.add(block.visible, key, n, scores);
      drop(head, block, keep, key, n, scores);
      bf16_pairs(matrix_of(scores, n), n, kQueries, kept, kQueries);
      for (int64_t d = 0; key > 0 && d < D; ++d)
        for (int64_t i = 0; i < kQueries; ++i) out[d * kQueries + i] *= softmax.rescale[i];
      bf16_block_product(isa, {D, kQueries, n, values + key, extents.key_row, kept, kQueries, out,
                               kQueries, key > 0});
    }
    float scale[kQueries];
    for (int64_t i = 0; i < block.count; ++i) {
      const bool sees = block.visible[i] > 0;
      scale[i] = sees ? 1 / softmax.sum[i] : 0;
      log_sums[head.log_sums_at(block.first + i)] =
          sees ? softmax.max[i] + std::log(softmax.sum[i]) : 0;
    }
    HeadsView view = head.whole(y);
    store_columns(out, extents, block.count, scale, turned,
                  head.rows(view, head.shape.Tq).from(block.first));
  }
};

struct Bf16Backward {
  const AttentionCall& call;
  CpuIsa isa;
  const AttentionSaved& saved;
  Keep<float> keep{isa, call.options, saved.kept};
  Extents extents{call.shape};

  int64_t scratch_size() const {
    const auto [D, Tk, key_row] = extents;
    return (2 * Tk + key_row) * D / 2 + 2 * Tk * D + 4 * kQueries * D + 7 * kScores / 2;
  }

  struct Gradients {
    HeadsView &dq, &dk, &dv;
  };
  /// Of one head.
  struct Keys {
    uint16_t *keys, *keys_by_column, *values;
    float *dkeys, *dvalues;
  };

  void run(const AttentionHead<float>& head, float* scratch, const float* log_sums, const Tensor& y,
           const Tensor& dy, const Gradients& to) const {
    const auto [D, Tk, key_row] = extents;
    const int64_t rows = head.shape.Tk;
    Scratch rest{scratch};
    const Keys of{rest.halves(Tk * D), rest.halves(key_row * D), rest.halves(Tk * D),
                  rest.floats(Tk * D), rest.floats(Tk * D)};
    const PaddedMatrix keys = matrix_of(head.rows(call.k, rows), rows);
    bf16_rows(keys, Tk, D, of.keys, D);
    bf16_rows_of_transpose(keys, D, Tk, of.keys_by_column, key_row);
    bf16_rows(matrix_of(head.rows(call.v, rows), rows), Tk, D, of.values, D);
    std::fill_n(of.dkeys, Tk * D, 0.0f);
    std::fill_n(of.dvalues, Tk * D, 0.0f);
    for (int64_t i = 0; i < head.shape.Tq; i += kQueries)
      queries(head, QueryBlock<float>(head, i), of, rest, log_sums, y, dy, to.dq);
    unpack_rows(of.dkeys, D, rows, 1.0f, head.rows(to.dk, rows));
    unpack_rows(of.dvalues, D, rows, 1.0f, head.rows(to.dv, rows));
  }

  void queries(const AttentionHead<float>& head, const QueryBlock<float>& block, const Keys& of,
               Scratch rest, const float* log_sums, const Tensor& y, const Tensor& dy,
               HeadsView& to_dq) const {
    const int64_t D = extents.D;
    const auto rows_of = [&](const HeadsView& view) {
      return head.rows(view, head.shape.Tq).from(block.first);
    };
    // Pairs along d, for sums over it, and along the queries.
    uint32_t* const q_by_d = rest.pairs(D * kQueries);
    uint32_t* const q = rest.pairs(D * kQueries);
    uint32_t* const dout_by_d = rest.pairs(D * kQueries);
    uint32_t* const dout = rest.pairs(D * kQueries);
    float* const dq = rest.floats(D * kQueries);
    float* const turned = rest.floats(D * kQueries);
    float* const scores = rest.floats(kScores);
    float* const dscores = rest.floats(kScores);
    uint16_t* const kept = rest.halves(kScores);
    uint16_t* const dscore_rows = rest.halves(kScores);
    uint32_t* const dscore_pairs = rest.pairs(kScores);
    const PaddedMatrix q_rows =
        matrix_of(rows_of(call.q), block.count, static_cast<float>(call.options.scale));
    const PaddedMatrix dout_rows = matrix_of(rows_of(head.whole(dy)), block.count);
    bf16_pairs_of_transpose(q_rows, D, kQueries, q_by_d, kQueries);
    bf16_pairs(q_rows, kQueries, D, q, D);
    bf16_pairs_of_transpose(dout_rows, D, kQueries, dout_by_d, kQueries);
    bf16_pairs(dout_rows, kQueries, D, dout, D);
    float log_sum[kQueries] = {}, dot[kQueries] = {};
    const StridedRows<const float> y_rows = rows_of(head.whole(y));
    for (int64_t i = 0; i < block.count; ++i) {
      log_sum[i] = log_sums[head.log_sums_at(block.first + i)];
      const float *const y_row = y_rows.x + i * y_rows.row, *const dy_row =
                                                                dout_rows.x + i * dout_rows.row;
      dot[i] =
          vector_math::lane_sum<float>(y_rows.D, [=](int64_t d) { return y_row[d] * dy_row[d]; });
    }
    std::fill_n(dq, D * kQueries, 0.0f);
    for (int64_t key = 0; key < block.end; key += kKeys) {
      const int64_t n = block.keys_at(key, kBf16Block), at = key * D;
      bf16_block_product(isa,
                         {n, kQueries, D, of.keys + at, D, q_by_d, kQueries, scores, kQueries});
      bf16_block_product(
          isa, {n, kQueries, D, of.values + at, D, dout_by_d, kQueries, dscores, kQueries});
      differentiate(head, block, keep, key, n, log_sum, dot, scores, dscores);
      bf16_rows(matrix_of(scores, n), n, kQueries, kept, kQueries);
      bf16_rows(matrix_of(dscores, n), n, kQueries, dscore_rows, kQueries);
      bf16_pairs(matrix_of(dscores, n), n, kQueries, dscore_pairs, kQueries);
      bf16_block_product(isa, {n, D, kQueries, kept, kQueries, dout, D, of.dvalues + at, D, true});
      bf16_block_product(isa,
                         {n, D, kQueries, dscore_rows, kQueries, q, D, of.dkeys + at, D, true});
      bf16_block_product(isa, {D, kQueries, n, of.keys_by_column + key, extents.key_row,
                               dscore_pairs, kQueries, dq, kQueries, key > 0});
    }
    float scale[kQueries];
    std::fill_n(scale, kQueries, static_cast<float>(call.options.scale));
    store_columns(dq, extents, block.count, scale, turned,
                  head.rows(to_dq, head.shape.Tq).from(block.first));
  }
};

}  // namespace

void attention_forward_bf16(Cpu& cpu, const AttentionCall& call, AttentionSaved& saved, Tensor& y) {
  const Bf16Forward forward{call, cpu.isa(), saved};
  for_heads<float>(cpu, call, forward, [&](const AttentionHead<float>& head, float* scratch) {
    const Bf16Tiles tiles(cpu.isa());
    forward.run(head, scratch, saved.log_sums.data<float>(), y);
  });
}

void attention_backward_bf16(Cpu& cpu, const AttentionCall& call, const AttentionSaved& saved,
                             const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                             HeadsView& dv) {
  const Bf16Backward backward{call, cpu.isa(), saved};
  for_heads<float>(cpu, call, backward, [&](const AttentionHead<float>& head, float* scratch) {
    const Bf16Tiles tiles(cpu.isa());
    backward.run(head, scratch, saved.log_sums.data<float>(), y, dy, {dq, dk, dv});
  });
}

}  // namespace tessera

// Two kernels, of one source: the gradient of the queries, whose blocks also compute
//   dots[n, h, i] = sum_d y[n, i, h, d] * dy[n, i, h, d],
// then the gradients of keys and values. Both compute the scores again, the second one transposed:
// each warp keeps the sums of its own rows, so that nothing is added across warps and a run can be
// repeated bit by bit.
#include "framework/ops/attention_mma_cuda.h"
#include "framework/ops/attention_mma_kernel_cuda.h"

namespace tessera {
namespace {

using enum AttentionOwner;

constexpr int kBackwardWarps = 4, kBackwardOwned = kBackwardWarps * kMmaRows;
constexpr int kBackwardThreads = 32 * kBackwardWarps;

/// Columns of a tile: fewer where the sums alone take most of the registers.
constexpr int backward_tile(int width) { return width > 64 ? 32 : 64; }

/// What a stage of shared memory holds, in elements of T: two tiles, and f32 pairs of a query each.
template <class T, int kWidth>
struct Stage {
  static constexpr int kTile = backward_tile(kWidth);
  static constexpr int kTiles = 2 * kTile * kWidth;
  static constexpr int kSize = kTiles + 2 * kTile * static_cast<int>(sizeof(float) / sizeof(T));
  static constexpr size_t kBytes = sizeof(T) * (2 * kBackwardOwned * kWidth + 2 * kSize);

  T *first, *second;       ///< [kTile][kWidth]
  float *log_sums, *dots;  ///< [kTile]: where the columns are queries

  __device__ Stage(T* memory, int tile) : first(memory + tile % 2 * kSize) {
    second = first + kTile * kWidth;
    log_sums = reinterpret_cast<float*>(first + kTiles);
    dots = log_sums + kTile;
  }
};

/// Of the pass for queries: q and dy are owned, the columns are k and v, y gives the dots.
/// For keys: k and v are owned, the columns are q and dy.
template <class T>
struct Operands {
  Heads<const T> owned0, owned1, other0, other1, y;
  const float* log_sums;
  float* dots;
  Heads<T> to0, to1;  ///< dq; or dk and dv
  KeptWords kept;
  const uint32_t* words;  ///< null: dropout draws again
};

/// One number for each of a warp's two rows that a lane has: row lane / 4, and 8 further.
using RowPair = float[2];

/// The sums of y * dy of a warp's rows; dy as its fragments.
template <class T, int kWidth>
__device__ void dot_rows_with(const HeadRows<const T>& y, int first, int D,
                              const uint32_t (&dy)[kWidth / 16][4], RowPair& dots) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int row = first + lane / 4 + 8 * r;
    float sum = 0;
#pragma unroll
    for (int k = 0; k < kWidth / 16; ++k)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int d = 16 * k + 8 * half + lane % 4 * 2;
        if (row >= y.length || d >= D) continue;
        const float2 a = unpack_pair<T>(*reinterpret_cast<const uint32_t*>(y.at(row) + d));
        const float2 b = unpack_pair<T>(dy[k][2 * half + r]);
        sum += a.x * b.x + a.y * b.y;
      }
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    dots[r] = sum + __shfl_xor_sync(0xffffffffu, sum, 2);
  }
}

/// scores, without their scale, become the probabilities that dropout kept; dprobabilities, the
/// products of dy and v, become the gradients of the scores, without their scale.
template <AttentionOwner kOwner, bool kDrops, int kTile>
__device__ void differentiate(float scale_log2, float kept_scale, uint32_t kept,
                              const RowPair& log_sums, const RowPair& dots,
                              const float* column_log_sums, const float* column_dots,
                              float (&scores)[kTile / 8][4],
                              float (&dprobabilities)[kTile / 8][4]) {
  const int column = static_cast<int>(threadIdx.x % 4) * 2;
#pragma unroll
  for (int j = 0; j < kTile / 8; ++j) {
    float2 log_sum{}, dot{};
    if constexpr (kOwner == keys) {
      log_sum = *reinterpret_cast<const float2*>(column_log_sums + 8 * j + column);
      dot = *reinterpret_cast<const float2*>(column_dots + 8 * j + column);
    }
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const float of_query = kOwner == queries ? log_sums[c / 2]
                             : c % 2 == 0      ? log_sum.x
                                               : log_sum.y;
      const float of_dot = kOwner == queries ? dots[c / 2] : c % 2 == 0 ? dot.x : dot.y;
      const float p = exp2_approx(scores[j][c] * scale_log2 - of_query * kLog2E);
      const bool is_kept = !kDrops || (kept >> (4 * j + c) & 1) != 0;
      const float dp = is_kept ? dprobabilities[j][c] * (kDrops ? kept_scale : 1.0f) : 0.0f;
      dprobabilities[j][c] = p * (dp - of_dot);
      scores[j][c] = is_kept ? p : 0.0f;
    }
  }
}

template <class T, int kWidth, bool kDrops, AttentionOwner kOwner>
__global__ void __launch_bounds__(kBackwardThreads)
    backward_mma_kernel(const __grid_constant__ Scores<float> scores,
                        const __grid_constant__ Operands<T> o) {
  constexpr bool kKeys = kOwner == keys;
  constexpr bool kHolds = kWidth <= 64;  // the rows' fragments in registers for all tiles
  using Tiles = Stage<T, kWidth>;
  constexpr int kTile = Tiles::kTile;
  extern __shared__ __align__(128) unsigned char memory[];
  T* const rows0 = reinterpret_cast<T*>(memory);
  T* const rows1 = rows0 + kBackwardOwned * kWidth;
  T* const stages = rows1 + kBackwardOwned * kWidth;
  const HeadBlock at(scores.shape, kBackwardOwned, kKeys);
  const int D = static_cast<int>(scores.shape.D), Tq = static_cast<int>(scores.shape.Tq);
  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  const HeadRows<const T> owned0(o.owned0, at.n, at.h, D), owned1(o.owned1, at.n, at.h, D),
      other0(o.other0, at.n, at.h, D), other1(o.other1, at.n, at.h, D);
  const auto sight = AttentionSight::of(
      scores.shape, scores.lengths != nullptr ? scores.lengths[at.n] : scores.shape.Tk);
  const float* const log_sums = o.log_sums + at.head * Tq;
  float* const dots = o.dots + at.head * Tq;
  const int first = at.first + warp * kMmaRows;
  const int last = min(first + kMmaRows, owned0.length) - 1;
  T *const mine0 = rows0 + warp * kMmaRows * kWidth, *const mine1 =
                                                         rows1 + warp * kMmaRows * kWidth;

  int begin, end, warp_begin = 0, warp_end = 0;
  sight.range<kOwner>(at.first, min(at.first + kBackwardOwned, owned0.length) - 1, Tq, begin, end);
  if (last >= first) sight.range<kOwner>(first, last, Tq, warp_begin, warp_end);
  const auto fetch = [&](int tile) {
    const Tiles to(stages, tile);
    fetch_rows<kTile, kWidth, kBackwardThreads>(other0, tile * kTile, D, to.first);
    fetch_rows<kTile, kWidth, kBackwardThreads>(other1, tile * kTile, D, to.second);
    if constexpr (kKeys) {
      const int thread = static_cast<int>(threadIdx.x), i = tile * kTile + thread % kTile;
      if (thread < 2 * kTile)
        copy_async<4>(to.log_sums + thread, (thread < kTile ? log_sums : dots) + (i < Tq ? i : 0),
                      i < Tq);
    }
  };
  fetch_rows<kBackwardOwned, kWidth, kBackwardThreads>(owned0, at.first, D, rows0);
  fetch_rows<kBackwardOwned, kWidth, kBackwardThreads>(owned1, at.first, D, rows1);
  if (begin < end) fetch(begin / kTile);
  wait_for_copies();
  __syncthreads();

  uint32_t fragments0[kWidth / 16][4], fragments1[kWidth / 16][4];
  if constexpr (kHolds) load_row_fragments<kWidth>(mine0, fragments0);
  if constexpr (kHolds || !kKeys) load_row_fragments<kWidth>(mine1, fragments1);
  RowPair row_log_sums{}, row_dots{};
  if constexpr (!kKeys) {
    dot_rows_with<T, kWidth>(HeadRows<const T>(o.y, at.n, at.h, D), first, D, fragments1, row_dots);
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int row = first + lane / 4 + 8 * r;
      if (row >= Tq) continue;
      row_log_sums[r] = log_sums[row];
      if (lane % 4 == 0) dots[row] = row_dots[r];
    }
  }

  const float scale_log2 = scores.scale * kLog2E;
  float sums0[kWidth / 8][4] = {}, sums1[kKeys ? kWidth / 8 : 1][4] = {};
  for (int tile = begin / kTile; tile * kTile < end; ++tile) {
    const int column = tile * kTile;
    const Tiles other(stages, tile);
    if (column + kTile < end) fetch(tile + 1);
    if (column < warp_end && column + kTile > warp_begin) {
      uint32_t kept = 0;  // drawn first, while few registers are in use
      if constexpr (kDrops)
        kept = o.words != nullptr
                   ? stored_bits<kOwner, kTile>(o.kept, o.words, sight, at.head, first, column)
                   : kept_bits<kOwner, kTile>(scores, at.head, first, column);
      float p[kTile / 8][4], ds[kTile / 8][4];
      if constexpr (!kHolds) load_row_fragments<kWidth>(mine0, fragments0);
      multiply_transposed<kWidth, kTile>(fragments0, other.first, p);
      if constexpr (!kHolds) load_row_fragments<kWidth>(mine1, fragments1);
      multiply_transposed<kWidth, kTile>(fragments1, other.second, ds);
      if (!sight.all<kOwner>(first, last, column, column + kTile))
        hide_unseen<kOwner, kTile>(sight, first, column, p);
      differentiate<kOwner, kDrops, kTile>(scale_log2, scores.kept, kept, row_log_sums, row_dots,
                                           other.log_sums, other.dots, p, ds);
      if constexpr (kKeys) add_product<kWidth, kTile>(p, other.second, sums1);
      add_product<kWidth, kTile>(ds, other.first, sums0);
    }
    wait_for_copies();
    __syncthreads();
  }

#pragma unroll
  for (int d = 0; d < kWidth / 8; ++d)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      sums0[d][c] *= scores.scale;
      if constexpr (kKeys && kDrops) sums1[d][c] *= scores.kept;
    }
  store_rows<kWidth>(sums0, mine0, HeadRows<T>(o.to0, at.n, at.h, D), first, D);
  if constexpr (kKeys)
    store_rows<kWidth>(sums1, mine1, HeadRows<T>(o.to1, at.n, at.h, D), first, D);
}

}  // namespace

void attention_mma_backward(Cuda& cuda, const AttentionCall& call, const AttentionSaved& saved,
                            const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                            HeadsView& dv) {
  const AttentionShape& shape = call.shape;
  const Tensor& log_sums = saved.log_sums;
  Tensor all_dots = Tensor::empty(log_sums.shape(), log_sums.options());
  const KeptWords kept(shape);
  const auto* const words =
      saved.kept.defined() ? reinterpret_cast<const uint32_t*>(device_data<int32_t>(saved.kept))
                           : nullptr;
  dispatch_mma(
      y.dtype(), shape.D, call.options.dropout > 0, [&]<class T, int kWidth, bool kDrops>() {
        const auto launch = [&](auto* kernel, int64_t rows, const Operands<T>& operands) {
          launch_mma(cuda, kernel, shape, rows, kBackwardOwned, kBackwardThreads,
                     Stage<T, kWidth>::kBytes, scores_of<float>(call), operands);
        };
        const auto q = heads<T>(call.q, shape.Tq), k = heads<T>(call.k, shape.Tk),
                   v = heads<T>(call.v, shape.Tk);
        const auto of_y = heads<T>(whole_heads(y, shape), shape.Tq),
                   of_dy = heads<T>(whole_heads(dy, shape), shape.Tq);
        const float* const sums = device_data<float>(log_sums);
        float* const dots = device_data<float>(all_dots);
        launch(backward_mma_kernel<T, kWidth, kDrops, queries>, shape.Tq,
               {q, of_dy, k, v, of_y, sums, dots, heads<T>(dq, shape.Tq), {}, kept, words});
        launch(backward_mma_kernel<T, kWidth, kDrops, keys>, shape.Tk,
               {k,
                v,
                q,
                of_dy,
                {},
                sums,
                dots,
                heads<T>(dk, shape.Tk),
                heads<T>(dv, shape.Tk),
                kept,
                words});
      });
}

}  // namespace tessera

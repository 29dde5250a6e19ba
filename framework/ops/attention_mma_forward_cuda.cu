// Eight warps own 128 queries: fewer would read the keys and values so often that the L2 cache
// limits them.
#include "framework/ops/attention_mma_cuda.h"
#include "framework/ops/attention_mma_kernel_cuda.h"

namespace tessera {
namespace {

constexpr AttentionOwner kQueries = AttentionOwner::queries;
constexpr int kWarps = 8, kOwned = kWarps * kMmaRows, kThreads = 32 * kWarps;
constexpr int kTile = 64;  // keys
constexpr int64_t kMaxLength = int64_t{1} << 30;

template <class T>
constexpr size_t shared_bytes(int width) {
  return sizeof(T) * static_cast<size_t>(width) * (kOwned + 2 * 2 * kTile);
}

/// The running maximum and sum of one row's scores, and the factor of what was summed before.
struct RunningSum {
  float max = -INFINITY, sum = 0;
};

/// scores become exp(score - maximum so far), times `scale`; sums [16][kWidth] of before are
/// brought to the maximum of now.
template <int kWidth>
__device__ void exponentials(float scale_log2, float (&scores)[kTile / 8][4],
                             RunningSum (&running)[2], float (&sums)[kWidth / 8][4]) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float max = running[r].max;
#pragma unroll
    for (int j = 0; j < kTile / 8; ++j)
      max = fmaxf(max, fmaxf(scores[j][2 * r], scores[j][2 * r + 1]));
    max = fmaxf(max, __shfl_xor_sync(0xffffffffu, max, 1));
    max = fmaxf(max, __shfl_xor_sync(0xffffffffu, max, 2));
    const float base = max == -INFINITY ? 0 : max * scale_log2;
    const float rescale = exp2_approx(running[r].max * scale_log2 - base);
    float sum = running[r].sum * rescale;
#pragma unroll
    for (int j = 0; j < kTile / 8; ++j)
#pragma unroll
      for (int c = 2 * r; c < 2 * r + 2; ++c) {
        scores[j][c] = exp2_approx(scores[j][c] * scale_log2 - base);
        sum += scores[j][c];
      }
#pragma unroll
    for (int d = 0; d < kWidth / 8; ++d) {
      sums[d][2 * r] *= rescale;
      sums[d][2 * r + 1] *= rescale;
    }
    running[r] = {max, sum};
  }
}

template <class T, int kWidth, bool kDrops>
__global__ void __launch_bounds__(kThreads, kWidth <= 64 ? 2 : 1)
    forward_kernel(const __grid_constant__ Scores<float> scores, Heads<const T> q_heads,
                   Heads<const T> k_heads, Heads<const T> v_heads, KeptWords stored,
                   uint32_t* words, float* log_sums, Heads<T> y_heads) {
  extern __shared__ __align__(128) unsigned char memory[];
  T* const queries = reinterpret_cast<T*>(memory);
  const auto keys = [=](int tile) { return queries + (kOwned + tile % 2 * 2 * kTile) * kWidth; };
  const HeadBlock at(scores.shape, kOwned, false);
  const int D = static_cast<int>(scores.shape.D), Tq = static_cast<int>(scores.shape.Tq);
  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  const HeadRows<const T> q(q_heads, at.n, at.h, D), k(k_heads, at.n, at.h, D),
      v(v_heads, at.n, at.h, D);
  const auto sight = AttentionSight::of(
      scores.shape, scores.lengths != nullptr ? scores.lengths[at.n] : scores.shape.Tk);
  const int first = at.first + warp * kMmaRows, last = min(first + kMmaRows, Tq) - 1;
  const int end = sight.visible(min(at.first + kOwned, Tq) - 1);
  const int warp_end = first < Tq ? sight.visible(last) : 0;
  T* const mine = queries + warp * kMmaRows * kWidth;

  const auto fetch = [&](int tile) {
    fetch_rows<kTile, kWidth, kThreads>(k, tile * kTile, D, keys(tile));
    fetch_rows<kTile, kWidth, kThreads>(v, tile * kTile, D, keys(tile) + kTile * kWidth);
  };
  fetch_rows<kOwned, kWidth, kThreads>(q, at.first, D, queries);
  if (end > 0) fetch(0);
  wait_for_copies();
  __syncthreads();
  uint32_t rows[kWidth / 16][4];
  load_row_fragments<kWidth>(mine, rows);

  const float scale_log2 = scores.scale * kLog2E;
  RunningSum running[2];
  float sums[kWidth / 8][4] = {};
  for (int tile = 0; tile * kTile < end; ++tile) {
    const int column = tile * kTile;
    if (column + kTile < end) fetch(tile + 1);
    if (column < warp_end) {
      uint32_t kept = 0;  // drawn first, while few registers are in use
      if constexpr (kDrops) {
        kept = kept_bits<kQueries, kTile>(scores, at.head, first, column);
        if (words != nullptr) words[stored.first(at.head, first, column) + lane] = kept;
      }
      float p[kTile / 8][4];
      multiply_transposed<kWidth, kTile>(rows, keys(tile), p);
      if (!sight.all<kQueries>(first, last, column, column + kTile))
        hide_unseen<kQueries, kTile>(sight, first, column, p);
      exponentials<kWidth>(scale_log2, p, running, sums);
      if constexpr (kDrops) {
#pragma unroll
        for (int i = 0; i < kTile / 2; ++i)
          if ((kept >> i & 1) == 0) p[i / 4][i % 4] = 0;
      }
      add_product<kWidth, kTile>(p, keys(tile) + kTile * kWidth, sums);
    }
    wait_for_copies();
    __syncthreads();
  }

#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int row = first + lane / 4 + 8 * r;
    const bool sees = sight.visible(row) > 0;
    float sum = running[r].sum;
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    const float factor = sees ? (kDrops ? scores.kept : 1.0f) / sum : 0.0f;
#pragma unroll
    for (int d = 0; d < kWidth / 8; ++d) {
      sums[d][2 * r] *= factor;
      sums[d][2 * r + 1] *= factor;
    }
    if (lane % 4 == 0 && row < Tq)
      log_sums[at.head * Tq + row] = sees ? running[r].max * scores.scale + logf(sum) : 0.0f;
  }
  store_rows<kWidth>(sums, mine, HeadRows<T>(y_heads, at.n, at.h, D), first, D);
}

}  // namespace

bool runs_on_tensor_cores(const Cuda& cuda, const AttentionCall& call) {
  const AttentionShape& shape = call.shape;
  const DType dtype = call.q.tensor.dtype();
  const bool fits =
      shape.D % kChunk == 0 && shape.D <= 128 && shape.Tq < kMaxLength && shape.Tk < kMaxLength;
  return fits && (dtype == DType::bf16 || dtype == DType::f16) && cuda.capability() >= 80;
}

void attention_mma_forward(Cuda& cuda, const AttentionCall& call, AttentionSaved& saved,
                           Tensor& y) {
  static_assert(kTile == KeptWords::kKeys && kMmaRows == KeptWords::kQueries);
  const AttentionShape& shape = call.shape;
  const KeptWords stored(shape);
  const int64_t words = stored.count(shape.N * shape.H);
  const bool stores = saves_kept(call, words * static_cast<int64_t>(sizeof(uint32_t)), y);
  if (stores) saved.kept = Tensor::empty({words}, {.dtype = DType::i32, .device = y.device()});
  dispatch_mma(
      y.dtype(), shape.D, call.options.dropout > 0, [&]<class T, int kWidth, bool kDrops>() {
        HeadsView out = whole_heads(y, shape);
        launch_mma(cuda, forward_kernel<T, kWidth, kDrops>, shape, shape.Tq, kOwned, kThreads,
                   shared_bytes<T>(kWidth), scores_of<float>(call), heads<T>(call.q, shape.Tq),
                   heads<T>(call.k, shape.Tk), heads<T>(call.v, shape.Tk), stored,
                   stores ? reinterpret_cast<uint32_t*>(device_data<int32_t>(saved.kept)) : nullptr,
                   device_data<float>(saved.log_sums), heads<T>(out, shape.Tq));
      });
}

}  // namespace tessera

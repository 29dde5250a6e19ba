// Every type, sums and functions in the accumulator's; halves of most widths are computed on the
// tensor cores (attention_mma_cuda.h) instead. A warp owns kRows queries (or, for the
// gradients of keys and values, kRows keys) and meets tiles of 32 rows of the other side in shared
// memory: lane j computes the score with row j, then each lane sums its columns of the result. No
// sum crosses blocks, so a run can be repeated bit by bit.
#include "framework/ops/attention_heads_cuda.h"
#include "framework/ops/attention_mma_cuda.h"
#include "framework/ops/rows_cuda.h"

namespace tessera {
namespace {

constexpr int kWarps = 4, kRows = 4;  // 16 rows a block: even short sequences fill the device
constexpr int kOwned = kWarps * kRows, kThreads = 32 * kWarps;
constexpr int kTile = 32;
constexpr int64_t kMaxD = 128;

/// The block's threads copy rows [first, first + kCount) of a head to `to` [kCount][kStride], zeros
/// past the last row and column.
template <int kCount, int kWidth, int kStride, class T, class A>
__device__ void load_rows(const Heads<const T>& from, int64_t n, int64_t h, int64_t first,
                          int64_t D, A* to) {
  for (int i = threadIdx.x; i < kCount * kWidth; i += kThreads) {
    const int row = i / kWidth, d = i % kWidth;
    const bool inside = first + row < from.length && d < D;
    to[row * kStride + d] = inside ? static_cast<A>(from.at(n, h, first + row, D)[d]) : A(0);
  }
}

/// sums[r] = the product of owned row r and tile row `lane`.
template <int kWidth, class A>
__device__ void dot_rows(const A* owned, const A* tile, int64_t D, A (&sums)[kRows]) {
  const A* const mine = tile + threadIdx.x % 32 * (kWidth + 1);
#pragma unroll
  for (int r = 0; r < kRows; ++r) sums[r] = 0;
  for (int d = 0; d < D; ++d) {
    const A value = mine[d];
#pragma unroll
    for (int r = 0; r < kRows; ++r) sums[r] += owned[r * kWidth + d] * value;
  }
}

/// sums[r][c] += weights[r] of lane j * tile[j][lane + 32 c], over all j.
template <int kChunks, class A>
__device__ void add_rows(const A (&weights)[kRows], const A* tile, A (&sums)[kRows][kChunks]) {
  const int lane = threadIdx.x % 32;
  for (int j = 0; j < kTile; ++j) {
    A weight[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) weight[r] = __shfl_sync(0xffffffffu, weights[r], j);
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      const A value = tile[j * (32 * kChunks + 1) + 32 * c + lane];
#pragma unroll
      for (int r = 0; r < kRows; ++r) sums[r][c] += weight[r] * value;
    }
  }
}

/// Row `row` of the result from the warp's sums.
template <int kChunks, class T, class A>
__device__ void store_row(const Heads<T>& to, int64_t n, int64_t h, int64_t row, int64_t D, A scale,
                          const A (&sums)[kChunks]) {
  if (row >= to.length) return;
  T* const out = to.at(n, h, row, D);
#pragma unroll
  for (int c = 0; c < kChunks; ++c) {
    const int d = 32 * c + threadIdx.x % 32;
    if (d < D) out[d] = static_cast<T>(sums[c] * scale);
  }
}

/// Which rows of which head this block and warp own.
struct Place {
  int64_t head, n, h, block_first, first;

  __device__ Place(int64_t length, int64_t H) {
    const int64_t blocks = (length + kOwned - 1) / kOwned;
    head = blockIdx.x / blocks;
    n = head / H;
    h = head % H;
    block_first = blockIdx.x % blocks * kOwned;
    first = block_first + threadIdx.x / 32 * kRows;
  }
};

template <class A, int kWidth>
struct SharedRows {
  static constexpr int kOwnedSize = kOwned * kWidth, kTileSize = kTile * (kWidth + 1);
  static constexpr size_t bytes(int pairs) { return sizeof(A) * pairs * (kOwnedSize + kTileSize); }
};

template <class T, int kChunks>
__global__ void __launch_bounds__(kThreads)
    forward_kernel(Scores<Accumulator<T>> scores, Heads<const T> q, Heads<const T> k,
                   Heads<const T> v, Accumulator<T>* log_sums, Heads<T> y) {
  using A = Accumulator<T>;
  constexpr int kWidth = 32 * kChunks;
  using Shared = SharedRows<A, kWidth>;
  extern __shared__ __align__(16) unsigned char memory[];
  A* const queries = reinterpret_cast<A*>(memory);
  A* const keys = queries + Shared::kOwnedSize;
  A* const values = keys + Shared::kTileSize;
  const Place at(scores.shape.Tq, scores.shape.H);
  const int64_t D = scores.shape.D;
  const int lane = threadIdx.x % 32;
  load_rows<kOwned, kWidth, kWidth>(q, at.n, at.h, at.block_first, D, queries);

  A max[kRows], sum[kRows], out[kRows][kChunks] = {};
  int64_t visible[kRows], end = 0;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    max[r] = -std::numeric_limits<A>::infinity();
    sum[r] = 0;
    visible[r] = scores.visible(at.n, at.first + r);
  }
  for (int r = 0; r < kOwned; ++r) {
    const int64_t sees = scores.visible(at.n, at.block_first + r);
    end = sees > end ? sees : end;
  }
  for (int64_t first = 0; first < end; first += kTile) {
    __syncthreads();
    load_rows<kTile, kWidth, kWidth + 1>(k, at.n, at.h, first, D, keys);
    load_rows<kTile, kWidth, kWidth + 1>(v, at.n, at.h, first, D, values);
    __syncthreads();
    A weights[kRows];
    dot_rows<kWidth>(queries + threadIdx.x / 32 * kRows * kWidth, keys, D, weights);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const bool seen = first + lane < visible[r];
      const A score = seen ? weights[r] * scores.scale : -std::numeric_limits<A>::infinity();
      const A now =
          reduce_team<32>(score > max[r] ? score : max[r], [](A a, A b) { return a > b ? a : b; });
      const A e = seen ? exp(score - now) : A(0);
      const A rescale = max[r] == now ? A(1) : exp(max[r] - now);
      max[r] = now;
      sum[r] = sum[r] * rescale + sum_team<32>(e);
#pragma unroll
      for (int c = 0; c < kChunks; ++c) out[r][c] *= rescale;
      weights[r] = seen ? e * scores.factor(at.head, at.first + r, first + lane) : A(0);
    }
    add_rows<kChunks>(weights, values, out);
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const bool sees = visible[r] > 0;
    store_row(y, at.n, at.h, at.first + r, D, sees ? 1 / sum[r] : A(0), out[r]);
    if (lane == 0 && at.first + r < scores.shape.Tq)
      log_sums[at.head * scores.shape.Tq + at.first + r] = sees ? max[r] + log(sum[r]) : A(0);
  }
}

/// dots[n, h, i] = sum_d y[n, i, h, d] * dy[n, i, h, d]; a warp a row of y.
template <class T>
__global__ void __launch_bounds__(kThreadsPerBlock)
    dot_kernel(AttentionShape shape, const T* y, const T* dy, Accumulator<T>* dots) {
  using A = Accumulator<T>;
  const GridThread self = grid_thread();
  const int64_t rows = shape.N * shape.Tq * shape.H, lane = self.index % 32;
  for (int64_t row = self.index / 32; row < rows; row += self.count / 32) {
    A sum = 0;
    for (int64_t d = lane; d < shape.D; d += 32)
      sum += static_cast<A>(y[row * shape.D + d]) * static_cast<A>(dy[row * shape.D + d]);
    sum = sum_team<32>(sum);
    const int64_t h = row % shape.H, i = row / shape.H % shape.Tq, n = row / shape.H / shape.Tq;
    if (lane == 0) dots[(n * shape.H + h) * shape.Tq + i] = sum;
  }
}

/// First and last row of the other side that a block meets.
template <AttentionOwner kOwner, class A>
__device__ void other_range(const Scores<A>& scores, const Place& at, int64_t& begin,
                            int64_t& end) {
  begin = end = 0;
  if constexpr (kOwner == AttentionOwner::queries) {
    for (int r = 0; r < kOwned; ++r) {
      const int64_t sees = scores.visible(at.n, at.block_first + r);
      end = sees > end ? sees : end;
    }
  } else {
    begin = scores.shape.first_query(at.block_first) / kTile * kTile;
    end = scores.shape.Tq;
  }
}

/// owned0, owned1: q and dy, or k and v; other0, other1: k and v, or q and dy.
/// to0: dq or dk; to1: dv, for keys only.
template <class T, int kChunks, AttentionOwner kOwner>
__global__ void __launch_bounds__(kThreads)
    backward_kernel(Scores<Accumulator<T>> scores, Heads<const T> owned0, Heads<const T> owned1,
                    Heads<const T> other0, Heads<const T> other1, const Accumulator<T>* log_sums,
                    const Accumulator<T>* dots, Heads<T> to0, Heads<T> to1) {
  using A = Accumulator<T>;
  constexpr bool kKeys = kOwner == AttentionOwner::keys;
  constexpr int kWidth = 32 * kChunks;
  using Shared = SharedRows<A, kWidth>;
  extern __shared__ __align__(16) unsigned char memory[];
  A* const rows0 = reinterpret_cast<A*>(memory);
  A* const rows1 = rows0 + Shared::kOwnedSize;
  A* const tile0 = rows1 + Shared::kOwnedSize;
  A* const tile1 = tile0 + Shared::kTileSize;
  const Place at(owned0.length, scores.shape.H);
  const int64_t D = scores.shape.D, of_head = at.head * scores.shape.Tq;
  const int mine = threadIdx.x / 32 * kRows * kWidth, lane = threadIdx.x % 32;
  load_rows<kOwned, kWidth, kWidth>(owned0, at.n, at.h, at.block_first, D, rows0);
  load_rows<kOwned, kWidth, kWidth>(owned1, at.n, at.h, at.block_first, D, rows1);
  A sums0[kRows][kChunks] = {}, sums1[kRows][kKeys ? kChunks : 1] = {};
  int64_t begin, end;
  other_range<kOwner>(scores, at, begin, end);
  for (int64_t first = begin; first < end; first += kTile) {
    __syncthreads();
    load_rows<kTile, kWidth, kWidth + 1>(other0, at.n, at.h, first, D, tile0);
    load_rows<kTile, kWidth, kWidth + 1>(other1, at.n, at.h, first, D, tile1);
    __syncthreads();
    A probabilities[kRows], dscores[kRows];
    dot_rows<kWidth>(rows0 + mine, tile0, D, probabilities);
    dot_rows<kWidth>(rows1 + mine, tile1, D, dscores);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int64_t i = kKeys ? first + lane : at.first + r,
                    j = kKeys ? at.first + r : first + lane;
      const bool seen = j < scores.visible(at.n, i);
      const A p = seen ? exp(probabilities[r] * scores.scale - log_sums[of_head + i]) : A(0);
      const A kept = seen ? scores.factor(at.head, i, j) : A(0);
      dscores[r] = seen ? p * (dscores[r] * kept - dots[of_head + i]) * scores.scale : A(0);
      probabilities[r] = p * kept;
    }
    add_rows(dscores, tile0, sums0);
    if constexpr (kKeys) add_rows(probabilities, tile1, sums1);
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    store_row(to0, at.n, at.h, at.first + r, D, A(1), sums0[r]);
    if constexpr (kKeys) store_row(to1, at.n, at.h, at.first + r, D, A(1), sums1[r]);
  }
}

/// Launches a kernel with a block for each kOwned of `rows` rows of every head.
template <class... Parameters, class... Arguments>
void launch_heads(const Cuda& cuda, void (*kernel)(Parameters...), const AttentionShape& shape,
                  int64_t rows, size_t shared, Arguments&&... arguments) {
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(shared)),
             "attention", "cudaFuncSetAttribute");
  const int64_t blocks = shape.N * shape.H * ((rows + kOwned - 1) / kOwned);
  cuda.launch("attention", kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), shared,
              std::forward<Arguments>(arguments)...);
}

/// Calls f.template operator()<T, kChunks>() with enough chunks of 32 columns for D.
template <class F>
void dispatch_width(DType dtype, int64_t D, F f) {
  require(D <= kMaxD, "[attention] D must be at most ", kMaxD, " on a CUDA device; got ", D, ".");
  dispatch_cuda_float("attention", dtype, [&]<class T>() {
    if (D <= 32) return f.template operator()<T, 1>();
    if (D <= 64) return f.template operator()<T, 2>();
    f.template operator()<T, 4>();
  });
}

}  // namespace

void attention_forward(Cuda& cuda, const AttentionCall& call, AttentionSaved& saved, Tensor& y) {
  if (runs_on_tensor_cores(cuda, call)) return attention_mma_forward(cuda, call, saved, y);
  const AttentionShape& shape = call.shape;
  dispatch_width(y.dtype(), shape.D, [&]<class T, int kChunks>() {
    using A = Accumulator<T>;
    using Shared = SharedRows<A, 32 * kChunks>;
    HeadsView out = whole_heads(y, shape);
    launch_heads(cuda, forward_kernel<T, kChunks>, shape, shape.Tq,
                 Shared::bytes(2) - sizeof(A) * Shared::kOwnedSize, scores_of<A>(call),
                 heads<T>(call.q, shape.Tq), heads<T>(call.k, shape.Tk), heads<T>(call.v, shape.Tk),
                 device_data<A>(saved.log_sums), heads<T>(out, shape.Tq));
  });
}

void attention_backward(Cuda& cuda, const AttentionCall& call, const AttentionSaved& saved,
                        const Tensor& y, const Tensor& dy, HeadsView& dq, HeadsView& dk,
                        HeadsView& dv) {
  if (runs_on_tensor_cores(cuda, call))
    return attention_mma_backward(cuda, call, saved, y, dy, dq, dk, dv);
  const AttentionShape& shape = call.shape;
  const Tensor& log_sums = saved.log_sums;
  Tensor dots = Tensor::empty(log_sums.shape(), log_sums.options());
  dispatch_width(y.dtype(), shape.D, [&]<class T, int kChunks>() {
    using A = Accumulator<T>;
    constexpr size_t kShared = SharedRows<A, 32 * kChunks>::bytes(2);
    const A *const sums = device_data<A>(log_sums), *const from_dots = device_data<A>(dots);
    const Scores<A> scores = scores_of<A>(call);
    const auto q = heads<T>(call.q, shape.Tq), k = heads<T>(call.k, shape.Tk),
               v = heads<T>(call.v, shape.Tk), out = heads<T>(whole_heads(dy, shape), shape.Tq);
    const auto to_q = heads<T>(dq, shape.Tq), to_k = heads<T>(dk, shape.Tk),
               to_v = heads<T>(dv, shape.Tk);
    cuda.launch_elements("attention", dot_kernel<T>, dots.numel() * 32, shape, device_data<T>(y),
                         device_data<T>(dy), device_data<A>(dots));
    launch_heads(cuda, backward_kernel<T, kChunks, AttentionOwner::queries>, shape, shape.Tq,
                 kShared, scores, q, out, k, v, sums, from_dots, to_q, to_q);
    launch_heads(cuda, backward_kernel<T, kChunks, AttentionOwner::keys>, shape, shape.Tk, kShared,
                 scores, k, v, q, out, sums, from_dots, to_k, to_v);
  });
}

}  // namespace tessera

#include "framework/sparse/tile_conv2d_cuda.h"

namespace tessera {
namespace {

constexpr int kThreads = 128;
constexpr int kDepth = 16;   // kept inputs between two barriers
constexpr int kPadding = 4;  // floats behind a row of shared memory, against bank conflicts
// Every thread sums 8 x 8 results: rows and outputs 4t .. 4t+3 and as many half a block further.
constexpr int kPart = 4;
constexpr int kOutputThreads = kOutputsAtOnce / (2 * kPart);
constexpr int kLoads = kRowsAtOnce * kDepth / kThreads;
static_assert(kThreads == kOutputThreads * kRowsAtOnce / (2 * kPart));
static_assert(kThreads * 2 * kPart == kDepth * kOutputsAtOnce);

struct Shared {
  float x[2][kDepth][kRowsAtOnce + kPadding];
  float weight[2][kDepth][kOutputsAtOnce];
  WindowCorner corners[kRowsAtOnce];
};

/// What a thread brings from memory for one step of kDepth kept inputs.
struct Fetched {
  float x[kLoads];
  float4 weight[2];
};

__device__ void fetch(const TileOperands<float>& o, const TileBlock& block, const Shared& shared,
                      int64_t first_row, int first, Fetched& out) {
  const int thread = static_cast<int>(threadIdx.x);
  const int k = first + thread % kDepth;
  const bool is_kept = k < block.kept;
  const KeptInput input = is_kept ? o.kept[block.first_kept + k] : KeptInput{0, 0, 0};
#pragma unroll
  for (int i = 0; i < kLoads; ++i) {
    const int row = thread / kDepth + i * (kThreads / kDepth);
    const WindowCorner& corner = shared.corners[row];
    const bool reads = is_kept && first_row + row < o.rows && is_inside(o.shape, corner, input);
    out.x[i] = reads ? __ldg(o.x + corner.offset + input.offset) : 0.0f;
  }
  const int row = first + thread / kOutputThreads;
  const int column = thread % kOutputThreads * 2 * kPart;
  const bool reads = row < block.kept && column < block.width();
  const auto* const from = reinterpret_cast<const float4*>(o.values + block.first_value +
                                                           int64_t{row} * block.width() + column);
  out.weight[0] = reads ? __ldg(from) : float4{};
  out.weight[1] = reads ? __ldg(from + 1) : float4{};
}

__device__ void store(const Fetched& in, Shared& shared, int buffer) {
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int i = 0; i < kLoads; ++i)
    shared.x[buffer][thread % kDepth][thread / kDepth + i * (kThreads / kDepth)] = in.x[i];
  auto* const to = reinterpret_cast<float4*>(
      &shared.weight[buffer][thread / kOutputThreads][thread % kOutputThreads * 2 * kPart]);
  to[0] = in.weight[0];
  to[1] = in.weight[1];
}

__device__ void load_parts(const float* from, int half, float (&to)[2 * kPart]) {
  const auto low = *reinterpret_cast<const float4*>(from);
  const auto high = *reinterpret_cast<const float4*>(from + half);
  to[0] = low.x, to[1] = low.y, to[2] = low.z, to[3] = low.w;
  to[4] = high.x, to[5] = high.y, to[6] = high.z, to[7] = high.w;
}

__device__ void multiply(const Shared& shared, int buffer, int row_thread, int output_thread,
                         float (&sums)[2 * kPart][2 * kPart]) {
#pragma unroll
  for (int k = 0; k < kDepth; ++k) {
    float x[2 * kPart], weight[2 * kPart];
    load_parts(&shared.x[buffer][k][row_thread * kPart], kRowsAtOnce / 2, x);
    load_parts(&shared.weight[buffer][k][output_thread * kPart], kOutputsAtOnce / 2, weight);
#pragma unroll
    for (int i = 0; i < 2 * kPart; ++i)
#pragma unroll
      for (int j = 0; j < 2 * kPart; ++j) sums[i][j] += x[i] * weight[j];
  }
}

/// The i-th of a thread's 8 rows or outputs in its block.
__device__ int part_index(int thread, int i, int half) {
  return thread * kPart + i % kPart + i / kPart * half;
}

__global__ void __launch_bounds__(kThreads) tile_conv2d_kernel(TileOperands<float> o) {
  __shared__ Shared shared;
  const TileWork work = work_of(blockIdx.x, o.rows);
  const TileBlock block = o.blocks[work.tile];
  const int thread = static_cast<int>(threadIdx.x);
  static_assert(kThreads == kRowsAtOnce);
  const int row_thread = thread / kOutputThreads, output_thread = thread % kOutputThreads;
  float sums[2 * kPart][2 * kPart] = {};
  Fetched fetched;
  over_kept_inputs(
      block.kept, kDepth,
      [&] { shared.corners[thread] = corner_of(o.shape, work.first_row + thread); },
      [&](int first) { fetch(o, block, shared, work.first_row, first, fetched); },
      [&](int buffer) { store(fetched, shared, buffer); },
      [&](int buffer) { multiply(shared, buffer, row_thread, output_thread, sums); });

#pragma unroll
  for (int j = 0; j < 2 * kPart; ++j) {
    const int n = part_index(output_thread, j, kOutputsAtOnce / 2);
    if (n >= block.outputs) continue;
    const int32_t output = o.outputs[block.first_output + n];
#pragma unroll
    for (int i = 0; i < 2 * kPart; ++i) {
      const int64_t m = work.first_row + part_index(row_thread, i, kRowsAtOnce / 2);
      if (m < o.rows) store_output(o, m, output, sums[i][j]);
    }
  }
}

}  // namespace

void tile_conv2d_forward(Cuda& cuda, const TileConv2d& weight, const Tensor& x,
                         const Tensor& residual, Activation activation, Tensor& y) {
  const int64_t rows = y.numel() / weight.shape.out;
  const int64_t blocks = weight.tiles * ((rows + kRowsAtOnce - 1) / kRowsAtOnce);
  require(blocks <= INT32_MAX, "[tile_conv2d] a launch must have fewer than 2^31 blocks; got ",
          blocks, " for ", y, ". Use a smaller batch.");
  const auto grid = static_cast<unsigned>(blocks);
  if (x.dtype() == DType::bf16)
    return launch_tile_conv2d_bf16(
        cuda, grid, tile_operands<__nv_bfloat16>(weight, x, residual, activation, y));
  cuda.launch("tile_conv2d", tile_conv2d_kernel, dim3(grid), dim3(kThreads), 0,
              tile_operands<float>(weight, x, residual, activation, y));
}

}  // namespace tessera

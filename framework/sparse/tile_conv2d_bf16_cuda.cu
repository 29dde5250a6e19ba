#include "framework/backend/tensor_core_cuda.h"
#include "framework/sparse/tile_conv2d_cuda.h"

namespace tessera {
namespace {

using bfloat = __nv_bfloat16;

// Four warps, each for 32 rows and all outputs of the block, in products of 16 x 8 x 16.
constexpr int kWarp = 32, kThreads = 128;
constexpr int kDepth = 32;  // kept inputs between two barriers: a warp gathers one row at a time
constexpr int kLoads = kRowsAtOnce * kDepth / kThreads;
// Rows of shared memory are an odd number of 16-byte pieces apart, against bank conflicts.
constexpr int kXPitch = kDepth + 8, kWeightPitch = kOutputsAtOnce + 8;
constexpr int kRowTiles = 2, kOutputTiles = kOutputsAtOnce / 8;
static_assert(kThreads / kWarp * 16 * kRowTiles == kRowsAtOnce && kThreads == kRowsAtOnce);

struct Shared {
  alignas(16) bfloat x[2][kRowsAtOnce][kXPitch];
  alignas(16) bfloat weight[2][kDepth][kWeightPitch];
  WindowCorner corners[kRowsAtOnce];
};

struct Fetched {
  bfloat x[kLoads];
  uint4 weight[2];
};

__device__ void fetch(const TileOperands<bfloat>& o, const TileBlock& block, const Shared& shared,
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
    out.x[i] = reads ? o.x[corner.offset + input.offset] : bfloat(0.0f);
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int piece = thread + i * kThreads;
    const int row = first + piece / (kOutputsAtOnce / 8), column = piece % (kOutputsAtOnce / 8) * 8;
    const bool reads = row < block.kept && column < block.width();
    out.weight[i] = reads ? *reinterpret_cast<const uint4*>(o.values + block.first_value +
                                                            int64_t{row} * block.width() + column)
                          : uint4{};
  }
}

__device__ void store(const Fetched& in, Shared& shared, int buffer) {
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int i = 0; i < kLoads; ++i)
    shared.x[buffer][thread / kDepth + i * (kThreads / kDepth)][thread % kDepth] = in.x[i];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int piece = thread + i * kThreads;
    bfloat* const row = shared.weight[buffer][piece / (kOutputsAtOnce / 8)];
    *reinterpret_cast<uint4*>(row + piece % (kOutputsAtOnce / 8) * 8) = in.weight[i];
  }
}

__device__ void multiply(const Shared& shared, int buffer, int warp, int lane,
                         float (&sums)[kRowTiles][kOutputTiles][4]) {
#pragma unroll
  for (int k = 0; k < kDepth; k += 16) {
    uint32_t x[kRowTiles][4];
#pragma unroll
    for (int i = 0; i < kRowTiles; ++i)
      load_pieces(&shared.x[buffer][(warp * kRowTiles + i) * 16 + lane % 16][k + lane / 16 * 8],
                  x[i]);
#pragma unroll
    for (int j = 0; j < kOutputTiles; j += 2) {
      uint32_t weight[4];  // outputs 8j .. 8j+7: pieces 0 and 1; the next eight: 2 and 3
      load_pieces_transposed(&shared.weight[buffer][k + lane % 16][j * 8 + lane / 16 * 8], weight);
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i) {
        multiply_pieces<bfloat>(x[i], weight[0], weight[1], sums[i][j]);
        multiply_pieces<bfloat>(x[i], weight[2], weight[3], sums[i][j + 1]);
      }
    }
  }
}

__global__ void __launch_bounds__(kThreads) tile_conv2d_bf16_kernel(TileOperands<bfloat> o) {
  __shared__ Shared shared;
  const TileWork work = work_of(blockIdx.x, o.rows);
  const TileBlock block = o.blocks[work.tile];
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  float sums[kRowTiles][kOutputTiles][4] = {};
  Fetched fetched;
  over_kept_inputs(
      block.kept, kDepth,
      [&] { shared.corners[thread] = corner_of(o.shape, work.first_row + thread); },
      [&](int first) { fetch(o, block, shared, work.first_row, first, fetched); },
      [&](int buffer) { store(fetched, shared, buffer); },
      [&](int buffer) { multiply(shared, buffer, warp, lane, sums); });

  // A lane holds two neighbouring outputs of rows lane / 4 and lane / 4 + 8 of each product.
#pragma unroll
  for (int j = 0; j < kOutputTiles; ++j)
#pragma unroll
    for (int part = 0; part < 2; ++part) {
      const int n = j * 8 + lane % 4 * 2 + part;
      if (n >= block.outputs) continue;
      const int32_t output = o.outputs[block.first_output + n];
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int64_t m = work.first_row + (warp * kRowTiles + i) * 16 + lane / 4 + half * 8;
          if (m < o.rows) store_output(o, m, output, sums[i][j][half * 2 + part]);
        }
    }
}

}  // namespace

void launch_tile_conv2d_bf16(Cuda& cuda, unsigned blocks, const TileOperands<bfloat>& operands) {
  cuda.launch("tile_conv2d", tile_conv2d_bf16_kernel, dim3(blocks), dim3(kThreads), 0, operands);
}

}  // namespace tessera

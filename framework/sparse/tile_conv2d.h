// A convolution or linear layer over the tiles of a pruned weight, on tensors as the ops have them:
//   y[n, o, p, q] = activation(bias[o] + residual[n, o, p, q] +
//                              sum over the kept c, r, s of weight[o, c, r, s] *
//                              x[n, first(o) + c, p*stride - padding + r*dilation, ...])
// x: [N, in, H, W] nhwc; y, residual: [N, out, P, Q] nhwc; f32, or on a CUDA device bf16 with sums
// in f32 by tensor cores. A linear layer is the case of 1 x 1
// kernels and planes, where x may be [N, in] row-major.
//
// This is the row-gather product for CUDA devices. A row of it is a position m = (n, p, q); a block
// of threads computes kRowsAtOnce rows of up to kOutputsAtOnce outputs of one tile, and gathers the
// kept inputs of its rows through their offsets from the corner of the window: no im2col buffer.
// All tiles of a layer are one launch, the longest first. Outputs that no tile owns belong to tiles
// that keep nothing. On the CPU the same plan is a plain loop, for tests: plans for the CPU run the
// kernels on panels (gather_conv2d.h).
#pragma once

#include <cstdint>
#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/host_device.h"
#include "framework/ops/conv2d.h"
#include "framework/sparse/tile_kernel.h"
#include "framework/sparse/tile_matrix.h"

namespace tessera {

/// Rows and outputs of a block of threads.
inline constexpr int kRowsAtOnce = 128, kOutputsAtOnce = 64;

/// Extents of the images and of the windows on them.
struct TileConv2dShape {
  int32_t c = 1, h = 1, w = 1;            ///< of x
  int32_t out = 1, out_h = 1, out_w = 1;  ///< of y
  int32_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;
};

/// A kept input, from the corner of the window: how many elements, rows and columns further.
struct KeptInput {
  int32_t offset;
  int16_t down, right;
};

/// Up to kOutputsAtOnce outputs of a tile. Values are [kept][width], width = outputs rounded up to
/// a multiple of 8.
struct TileBlock {
  int64_t first_value;
  int32_t first_kept, kept;
  int32_t first_output, outputs;

  TESSERA_HOST_DEVICE int32_t width() const { return (outputs + 7) / 8 * 8; }
};

/// The corner of a row's window: where it lies in x (possibly outside, in the padding).
struct WindowCorner {
  int64_t offset;
  int32_t row, column;
};

TESSERA_HOST_DEVICE inline WindowCorner corner_of(const TileConv2dShape& s, int64_t m) {
  const int64_t q = m % s.out_w, p = m / s.out_w % s.out_h, n = m / s.out_w / s.out_h;
  const auto row = static_cast<int32_t>(p * s.stride_h - s.pad_h);
  const auto column = static_cast<int32_t>(q * s.stride_w - s.pad_w);
  return {((n * s.h + row) * s.w + column) * s.c, row, column};
}

TESSERA_HOST_DEVICE inline bool is_inside(const TileConv2dShape& s, const WindowCorner& corner,
                                          const KeptInput& input) {
  return static_cast<uint32_t>(corner.row + input.down) < static_cast<uint32_t>(s.h) &&
         static_cast<uint32_t>(corner.column + input.right) < static_cast<uint32_t>(s.w);
}

/// What the b-th block of threads computes: tiles in their order, each for all rows.
struct TileWork {
  int64_t tile, first_row;
};
TESSERA_HOST_DEVICE inline TileWork work_of(int64_t block, int64_t rows) {
  const int64_t row_blocks = (rows + kRowsAtOnce - 1) / kRowsAtOnce;
  return {block / row_blocks, block % row_blocks * kRowsAtOnce};
}

/// The packed weight as the kernels read it, on one device.
struct TileConv2d {
  TileConv2dShape shape;
  int64_t tiles = 0;
  Tensor values;   ///< f32 or bf16
  Tensor kept;     ///< the bytes of KeptInputs
  Tensor blocks;   ///< the bytes of TileBlocks, those that keep most first
  Tensor outputs;  ///< i32
  Tensor bias;     ///< f32 [out], zeros where there is none

  int64_t weight_bytes() const { return values.nbytes() + kept.nbytes() + outputs.nbytes(); }
};

/// tiles: of a weight [out, in/groups, R, S] or [out, in]; bias: [out] f32 or undefined; both on
/// the cpu. h, w: of x; dtype: of x, y and the packed values, f32, or bf16 on a CUDA device.
/// Throws: std::invalid_argument where they do not fit, where a tile crosses groups, or where
/// `tiles` has a remainder.
TileConv2d make_tile_conv2d(const TileMatrix& tiles, const Tensor& bias,
                            const Conv2dOptions& options, int64_t h, int64_t w, Device device,
                            DType dtype = DType::f32);

/// residual may be undefined; x, residual and y are on the device of the weight.
void tile_conv2d_forward(Cpu&, const TileConv2d& weight, const Tensor& x, const Tensor& residual,
                         Activation activation, Tensor& y);

void tile_conv2d_forward(Cuda&, const TileConv2d& weight, const Tensor& x, const Tensor& residual,
                         Activation activation, Tensor& y);

}  // namespace tessera

// The innermost loop of the row-gather product, one version per CPU family.
//
// A chunk is 16 consecutive floats of an activation row: 16 images of a panel at one position, 16
// rows of a linear layer's input, or 16 neighbouring positions of one image. A strip is some
// outputs of one tile, as many as the family's registers suit, with their weights as [k][outputs].
// The kernel computes strips x up to three chunks:
//   y[v][o] = activation(bias[o] + residual[v][o] + sum over k of w[k][o] * x[v][offsets[k]])
// with all sums in registers: a kept row costs one address, a pruned row nothing.
#pragma once

#include <cstdint>

#include "framework/backend/cpu.h"

namespace tessera {

/// Applied to an output as it is stored. gelu is x/2 (1 + erf(x / sqrt 2)), gelu_tanh its
/// approximation x/2 (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3). silu is x sigmoid(x).
enum class Activation : uint8_t { none, relu, gelu, gelu_tanh, silu };

inline constexpr int kChunkWidth = 16;   // one AVX-512 register
inline constexpr int kStripOutputs = 8;  // at most, in any family
inline constexpr int kChunksAtOnce = 3;
/// Floats behind the last element of an activation that kernels may read.
inline constexpr int64_t kReadSlack = kChunkWidth;

struct Strip {
  int32_t count = 0;  ///< outputs in use; the weights of the others are zero
  int32_t outputs[kStripOutputs] = {};
  float bias[kStripOutputs] = {};
};

struct Chunk {
  const float* x;
  float* y;
  const float* residual;  ///< null: none
  int64_t lanes;          ///< 1..16 floats to store
};

struct TileCall {
  const float* values;     // [strip][k][strip_outputs of the family]
  const int32_t* offsets;  // [rows], in floats
  int64_t rows;
  const Strip* strips;
  int64_t strip_count;
  Chunk chunks[kChunksAtOnce];
  int64_t y_stride, residual_stride;  // floats between two outputs
  Activation activation;
  // Of every `lane_step` positions of `lane_width` floats in a chunk the first is stored, the
  // stored ones side by side: a strided convolution of few images. 1: all are stored.
  int64_t lane_step, lane_width;
};

struct TileKernels {
  void (*of_chunks[kChunksAtOnce])(const TileCall&);  ///< entry i computes i + 1 chunks
  int strip_outputs;                                  ///< outputs of a full strip
};

/// REQUIRES: the processor runs `isa`.
const TileKernels& tile_kernels(CpuIsa isa);

}  // namespace tessera

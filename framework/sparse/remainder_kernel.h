// The sparse remainder: compressed rows of single weights over the chunks of tile_kernel.h,
//   y[v][o] = activation(bias[o] + residual[v][o] + sum over e of value[e] * x[v][offset[e]])
// A single weight costs its address, its value and one vector of X for each vector of sums, where a
// row of a tile shares the vector of X among its outputs: two to three times the time a weight.
//
// It runs alone for unstructured patterns, and after the tiles' kernel for weights put back beside
// them; then y, still without activation, is its residual.
#pragma once

#include <cstdint>

#include "framework/sparse/tile_kernel.h"

namespace tessera {

struct SingleWeight {
  int32_t offset;  ///< of its row inside a panel, in floats
  float value;
};

struct RemainderCall {
  const TileCall& tile;         // its strips, chunks, strides and activation
  const SingleWeight* weights;  // of all outputs, in the order of the strips
  const int64_t* begin;         // [strip][8], and the end of the last one
  bool adds_bias;
};

/// Entry i computes i + 1 chunks.
struct RemainderKernels {
  void (*of_chunks[kChunksAtOnce])(const RemainderCall&);
};

/// REQUIRES: the processor runs `isa`.
const RemainderKernels& remainder_kernels(CpuIsa isa);

}  // namespace tessera

// Row-gather GEMM: the product of a packed weight with feature-major activations,
//   Y[n_idx, :] = activation(W_t[n, k] * X[k_idx, :] + bias[n_idx] + residual[n_idx, :])
// for every tile t; outputs that no tile owns receive activation(bias + residual). Single weights
// besides the tiles (the remainder) are added before the activation, tile by tile, while Y is in
// the cache. A row of X is found through its offset, so the same kernels serve linear layers and
// convolutions (whose rows are shifted planes), a dense weight is one whose tiles keep every row,
// and an unstructured one has a remainder alone.
//
// The work, chunks x strips, is cut into ranges of equal cost, one a thread: tiles that keep many
// rows and tiles that keep few are balanced to a strip. Results do not depend on the thread count.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/backend/cpu.h"
#include "framework/sparse/strip_matrix.h"

namespace tessera {

/// Where the columns of a product lie: in equal panels, each of positions.size() chunks.
struct GatherColumns {
  struct Position {
    int32_t x, y, residual;  ///< offsets in floats inside a panel
    int32_t lanes;           ///< floats to store, 1..16
  };
  std::vector<Position> positions;
  int64_t x_panel = 0, y_panel = 0, residual_panel = 0;  ///< floats between two panels
  int64_t y_stride = 0, residual_stride = 0;             ///< floats between two features
  int64_t lane_step = 1, lane_width = 1;                 ///< as in TileCall
  int64_t x_chunk_bytes = 0;  ///< bytes of X that one chunk touches: for blocking in the L2 cache
};

/// residual may be null, and may be y. x and y must be readable kReadSlack floats past their end.
/// REQUIRES: the processor runs the family of the weights; y does not overlap x.
void gather_gemm(const Cpu& cpu, const StripMatrix& weights, const GatherColumns& columns,
                 int64_t panels, const float* x, const float* residual, float* y,
                 Activation activation);

}  // namespace tessera

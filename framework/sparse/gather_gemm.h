// Row-gather GEMM: the product of a packed weight with feature-major activations,
//   Y[n_idx, :] = activation(W_t[n, k] * X[k_idx, :] + bias[n_idx] + residual[n_idx, :])
// for every tile t; outputs that no tile owns receive activation(bias + residual). A row of X is
// found through its offset, so the same kernel serves linear layers and convolutions (whose rows
// are shifted planes), and a dense weight is one whose tiles keep every row.
//
// The work, chunks x strips, is cut into ranges of equal cost, one a thread: tiles that keep many
// rows and tiles that keep few are balanced to a strip. Results do not depend on the thread count.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "framework/backend/cpu.h"
#include "framework/sparse/tile_kernel.h"
#include "framework/sparse/tile_matrix.h"

namespace tessera {

/// A TileMatrix in the order of one family's kernel: strips of outputs, their weights as
/// [k][outputs of a strip], and the offsets of the kept rows inside an activation panel.
struct StripMatrix {
  CpuIsa isa = CpuIsa::portable;  ///< the family
  struct Tile {
    int64_t strip_begin, strip_end, rows, offsets_begin, values_begin;
  };
  std::vector<Tile> tiles;
  std::vector<Strip> strips;
  std::vector<float> values;
  std::vector<int32_t> offsets;
  std::vector<int64_t> cost{0};  ///< of the strips before strip s, in rows

  int64_t multiplications = 0;  ///< for one column of X
};

/// `isa` chooses the kernel family. `row_offset(k, output)` is the offset in floats of row k inside
/// a panel, for a tile that holds `output`; bias: [out] floats or null. REQUIRES: m holds no
/// remainder, and satisfies check_tiles. Throws: std::invalid_argument for a remainder or for an
/// offset beyond 2^31.
StripMatrix make_strips(CpuIsa isa, const TileMatrix& m, const float* bias,
                        const std::function<int64_t(int64_t k, int64_t output)>& row_offset);

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

// TileMatrix: a pruned weight in packed form, the tensors of a sparse checkpoint as a struct.
//
// The weight is seen as a matrix [out, K], K = in for a linear layer and (in/groups)*R*S for a
// convolution. Tile t owns the outputs n_idx[n_ptr[t] .. n_ptr[t+1]) and reads the inputs
// k_idx[k_ptr[t] .. k_ptr[t+1]); its values are a dense block [n_t, k_t], row-major, and the blocks
// follow each other in `values`. Everything outside the blocks is zero, but for the remainder: the
// single weights (tew_row, tew_col, tew_values).
//
// Invariants (check_tiles):
//   both pointer lists start at 0, end at their index list's length, n_ptr grows strictly and by at
//   most `granularity`, k_ptr never falls; k_ptr and n_ptr have the same length, tiles + 1;
//   indices lie in range and grow strictly inside a tile; an output belongs to one tile at most;
//   values holds the sum of n_t * k_t elements;
//   the remainder is sorted by (row, col), without repetition, and disjoint from the blocks;
//   two_of_four holds only of blocks that are so.
// Explicit zeros inside the blocks are allowed: masks of earlier pruning stages leave them, and 2:4
// sparse blocks (two_of_four) are full of them. Only files store those compressed: the product of a
// CPU runs over the block as it is, or over its single weights: plans measure both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/core/tensor.h"
#include "framework/core/tensor_map.h"

namespace tessera {

struct TileMatrix {
  Shape shape;  ///< of the weight: [out, in] or [out, in/groups, R, S]
  int64_t granularity = 64;
  std::vector<float> values;
  std::vector<int32_t> n_ptr{0}, n_idx, k_ptr{0}, k_idx;
  std::vector<int32_t> tew_row, tew_col;
  std::vector<float> tew_values;
  bool two_of_four = false;  ///< the blocks are 2:4 sparse (framework/sparse/two_of_four.h)

  int64_t outputs() const { return shape[0]; }
  int64_t inputs() const { return shape[0] == 0 ? 0 : shape.numel() / shape[0]; }
  int64_t tiles() const { return static_cast<int64_t>(n_ptr.size()) - 1; }
  /// Stored weights, explicit zeros included: what a product costs, times the columns.
  int64_t stored() const { return static_cast<int64_t>(values.size() + tew_values.size()); }
  bool has_remainder() const { return !tew_values.empty(); }
};

/// The dense weight, f32 row-major in `tiles.shape`.
Tensor unpack(const TileMatrix& tiles);
/// U8 in `tiles.shape`: 1 where a non-zero weight is stored.
Tensor stored_mask(const TileMatrix& tiles);

/// Throws: std::runtime_error that names the weight `name`, the tile and the value where an
/// invariant is broken. Uses memory in proportion to what is stored, not to the shape.
void check_tiles(const std::string& name, const TileMatrix& tiles);
/// The same for what does not read values: pointers and indices of the tiles.
void check_tile_indices(const std::string& name, const TileMatrix& tiles);

/// The tensors of a sparse checkpoint, `name`.tw_values and so on; tew_* only with a remainder,
/// tw_meta only for 2:4 sparse blocks. dtype: of the values, f32 or bf16.
TensorMap to_tensors(const std::string& name, const TileMatrix& tiles, DType dtype = DType::f32);

/// Reads the tensors back, checked (check_tiles); other entries of `tensors` are left alone.
/// Throws: std::runtime_error where a tensor is missing, or of a wrong type, rank or length.
TileMatrix from_tensors(const std::string& name, const Shape& shape, int64_t granularity,
                        const TensorMap& tensors);

/// The suffixes of a packed weight's tensors, with the leading dot.
inline constexpr const char* kTileSuffixes[] = {".tw_values", ".tw_meta",  ".tw_n_ptr",
                                                ".tw_n_idx",  ".tw_k_ptr", ".tw_k_idx",
                                                ".tew_row",   ".tew_col",  ".tew_values"};

}  // namespace tessera

// Patterns of pruning: which weights of a set of layers become zero at a given sparsity.
// A layer is the matrix of its importance scores, [out, K]: a Linear weight as it is, a Conv2d
// weight [out, in/groups, R, S] viewed as [out, in/groups*R*S]. "Columns" are outputs and "rows"
// are inputs, as in the paper's W[K, N]. Pure functions: no training loop, no model, no weights.
//
// Sparsity is the share of zeros among all weights of the layers. It is reached to the nearest unit
// of the pattern; a weight pruned before (the layer's current mask) stays pruned and counts as
// zero. A layer that has weights left never loses all of them.
//
// Source: Guo et al., "Accelerating Sparse DNN Models without Hardware-Support via Tile-Wise
// Sparsity", SC 2020, sections IV and V.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/core/tensor.h"

namespace tessera {

struct PatternOptions {
  /// tw, ew; the reference variant also vw, bw, tw1, tew.
  std::string pattern = "tw";
  /// exact, or reference (pruning/reference.h), which meets a sparsity only roughly.
  std::string variant = "exact";
  /// global: one ranking over all layers; layer: each by itself.
  std::string scope = "global";
  /// tw: outputs of a tile; bw: inputs and outputs of a block.
  int64_t granularity = 64;
  /// tw: a tile keeps a multiple of this many rows, or all it had.
  int64_t k_multiple = 1;
  /// tw: whole columns go until (1-s)^column_split of the weights are left, rows of tiles after
  /// that; 0.5 is the paper's equal split.
  double column_split = 0.5;
  /// tew: share of single weights put back.
  double delta = 0.02;
};

struct LayerScores {
  std::string name = {};
  Tensor scores = {};  ///< [out, K] f32, row-major, finite; larger is more important
  int64_t groups = 1;  ///< of a convolution: outputs [i*out/groups, (i+1)*out/groups) are group i
  Tensor mask = {};    ///< the current mask, [out, K] u8, 1 = kept; undefined: everything is kept
};

/// The masks ([out, K] u8, 1 = kept) of `layers`, in their order, at `sparsity` in [0, 1).
/// Deterministic: among equal scores the earlier layer, then the earlier unit goes first.
/// Throws std::invalid_argument for malformed options or layers, and where `sparsity` cannot be
/// reached within 0.1 point of all weights or one unit of the pattern.
std::vector<Tensor> prune_masks(const PatternOptions& options, double sparsity,
                                const std::vector<LayerScores>& layers);

/// The share of zeros among all elements of the masks; 0 for no elements.
double mask_sparsity(const std::vector<Tensor>& masks);

/// A layer as a pattern sees it: scores to read, the mask to clear entries of.
struct LayerMatrix {
  std::string name;
  const float* scores;  ///< [outputs, inputs]
  uint8_t* mask;        ///< [outputs, inputs]
  int64_t outputs;
  int64_t inputs;
  int64_t groups;

  int64_t numel() const { return outputs * inputs; }
};

int64_t count_weights(std::span<const LayerMatrix> layers);
/// Pruned weights of all layers.
int64_t count_zeros(std::span<const LayerMatrix> layers);

/// One pattern with its options. To add one: a class in a file of its own, one line in the table of
/// pattern.cc, one test.
class Pattern {
 public:
  virtual ~Pattern() = default;
  /// Clears entries of the masks until `zeros` entries of all layers together are zero, to the
  /// nearest unit, or until every layer is at its last unit.
  /// REQUIRES: no more than `zeros` entries are zero already.
  virtual void prune(int64_t zeros, std::span<const LayerMatrix> layers) const = 0;
  /// Weights of the largest unit.
  virtual int64_t largest_unit(std::span<const LayerMatrix> layers) const = 0;
};

/// Throws std::invalid_argument for an unknown pattern (with the known ones) or an impossible
/// option.
std::unique_ptr<Pattern> make_pattern(const PatternOptions& options);

}  // namespace tessera

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
#include "pruning/apriori.h"
#include "pruning/layer_matrix.h"

namespace tessera {

struct PruneConfig;

/// PatternOptions::split: found by maximising the score that is kept.
inline constexpr double kAutoSplit = -1;

struct PatternOptions {
  /// One of pattern_names().
  std::string pattern = "tw";
  /// exact, or reference (pruning/reference.h), which meets a sparsity only roughly.
  std::string variant = "exact";
  /// global: one ranking over all layers; layer: each by itself.
  std::string scope = "global";
  /// tw, tw1, tew, tvw: outputs of a tile; bw: inputs and outputs of a block; vw: inputs of a
  /// vector. 0: the pattern's own, granularity_of().
  int64_t granularity = 0;
  /// tw, tew, tvw: whole columns go until (1-s)^split of the weights are left, rows of tiles after
  /// that. 0.5 is the paper's equal split, or kAutoSplit.
  double split = 0.5;
  /// tew: share of single weights put back.
  double delta = 0.02;
  /// tw, tw1, tew, tvw: a tile keeps a multiple of this many rows, or all it had.
  int64_t k_multiple = 1;
  /// tw, tw1, tew, tvw: the tiles of a layer keep equally many rows.
  bool balanced = false;
  /// Of each ranking (weights, blocks, columns, rows of tiles, units), every layer keeps so many.
  int64_t min_keep = 1;
  /// Of each layer's scores, before they are compared: none, l2 (divided by their norm), max (by
  /// the largest magnitude).
  std::string normalize = "none";
  AprioriOptions apriori = {};
};

/// The options in a config's prune section.
PatternOptions pattern_options(const PruneConfig& config);

struct LayerScores {
  std::string name = {};
  /// [out, K] f32, row-major, finite; larger is more important. Layers with one and the same tensor
  /// are tied: pruned once, counted once, with one mask.
  Tensor scores = {};
  int64_t groups = 1;  ///< of a convolution: outputs [i*out/groups, (i+1)*out/groups) are group i
  Tensor mask = {};    ///< the current mask, [out, K] u8, 1 = kept; undefined: everything is kept
  double min_sparsity = 0;           ///< of this layer, to the nearest unit
  double max_sparsity = 1;           ///< likewise
  double cost = 1;                   ///< of a weight, in any unit of time: divides the scores
  std::vector<UnitAxis> units = {};  ///< for the pattern `units`
};

/// The masks ([out, K] u8, 1 = kept) of `layers`, in their order, at `sparsity` in [0, 1).
/// Deterministic: among equal scores the earlier layer, then the earlier unit goes first, whatever
/// the number of threads.
/// Throws std::invalid_argument for malformed options or layers, and where `sparsity` cannot be
/// reached within 0.1 point of all weights or one unit of the pattern.
std::vector<Tensor> prune_masks(const PatternOptions& options, double sparsity,
                                const std::vector<LayerScores>& layers);

/// The highest sparsity that prune_masks() can reach of them, below 1: every layer at its maximum
/// or at its last units; with the scope `layer`, where the first layer is. For the variant exact.
double highest_sparsity(const PatternOptions& options, const std::vector<LayerScores>& layers);

/// The share of zeros among all elements of the masks; 0 for no elements.
double mask_sparsity(const std::vector<Tensor>& masks);

/// The largest miss of a sparsity that is not an error: 0.1 point.
inline constexpr double kSparsityTolerance = 1e-3;

/// One pattern with its options. To add one: a class in a file of its own, one line in the table of
/// pattern.cc, one test.
class Pattern {
 public:
  virtual ~Pattern() = default;
  /// Clears entries of the masks until `zeros` entries of all layers together are zero, to the
  /// nearest unit, or until every layer is at its last units.
  /// REQUIRES: no more than `zeros` entries are zero already.
  virtual void prune(int64_t zeros, std::span<const LayerMatrix> layers) const = 0;
  /// Weights of the largest unit.
  virtual int64_t largest_unit(std::span<const LayerMatrix> layers) const = 0;
  /// The sparsity nearest to `sparsity` that the pattern can have; most can have any.
  virtual double nearest_sparsity(double sparsity) const { return sparsity; }
  /// Which ones these are, for messages: "at least 0.5".
  virtual std::string reachable() const { return "any"; }
};

/// Throws std::invalid_argument for an unknown pattern (with the known ones) or an impossible
/// option.
std::unique_ptr<Pattern> make_pattern(const PatternOptions& options);
std::vector<std::string> pattern_names();

/// options.granularity or, where that is 0, the pattern's own: 64 for tiles, 32 for blocks, 16 for
/// vectors.
int64_t granularity_of(const PatternOptions& options);

/// Throws std::invalid_argument that says which sparsities the pattern can have, unless `sparsity`
/// is one of them within 0.1 point.
void require_reachable(const PatternOptions& options, double sparsity);

}  // namespace tessera

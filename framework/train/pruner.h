// One pruning step of a model: scores its weights, ranks them over all chosen layers, and returns
// the masks. framework/train calls it at the start of each pruning phase.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "datasets/data_loader.h"
#include "framework/io/config.h"
#include "framework/sparse/tile_matrix.h"
#include "layers/masks.h"
#include "layers/module.h"
#include "pruning/pattern.h"
#include "pruning/selection.h"

namespace tessera {

/// The layers of `model` that `config` chooses, and those left dense with the reason.
LayerSelection select_layers_of(const PruneConfig& config, Module& model);

/// The scores of the chosen layers' weights at one moment, and the masks that follow from them.
class ModelScores {
 public:
  /// Taylor, gradient and movement scores are taken in evaluation mode over the first score.batches
  /// batches that `data` yields in `epoch`; parameters' gradients are cleared. The weights are left
  /// as they are. `current`: the masks to go on from; prune.regrow gives units of theirs back
  /// (pruning/regrow.h). The references must outlive the scores.
  ModelScores(Module& model, const PruneConfig& config, const Masks& current, DataLoader& data,
              int64_t epoch, double label_smoothing);

  /// What `current` prunes stays pruned, but for the units that came back. Minima of
  /// prune.layer_bounds count in part where `sparsity` is below prune.sparsity. Only ranks.
  Masks masks_at(double sparsity) const;
  /// `current` with the units that came back.
  const Masks& current() const { return current_; }
  /// Of the chosen layers in current().
  double present_sparsity() const;
  /// That the minima of the layers come to; the highest that masks_at() can reach.
  double least_sparsity() const;
  double highest_sparsity() const;
  /// The masks' weights as they are exported.
  std::map<std::string, TileMatrix> packed(const Masks& masks) const;

 private:
  std::vector<LayerScores> layers_at(double sparsity) const;

  const PruneConfig& config_;
  std::vector<Parameter> parameters_;         ///< chosen, tied ones, too
  std::vector<Tensor> scores_;                ///< of each, as matrices
  std::vector<std::vector<UnitAxis>> units_;  ///< likewise
  Masks current_;
};

/// ModelScores(...).masks_at(sparsity).
Masks prune_model(Module& model, const PruneConfig& config, double sparsity, const Masks& current,
                  DataLoader& data, int64_t epoch, double label_smoothing);

}  // namespace tessera

// One pruning step of a model: scores its weights, ranks them over all chosen layers, and returns
// the masks. framework/train calls it at the start of each pruning phase.
#pragma once

#include "datasets/data_loader.h"
#include "framework/io/config.h"
#include "layers/masks.h"
#include "layers/module.h"
#include "pruning/selection.h"

namespace tessera {

/// The layers of `model` that `config` chooses, and those left dense with the reason.
LayerSelection select_layers_of(const PruneConfig& config, const Module& model);

/// The masks `current` with the chosen layers at `sparsity`; what `current` prunes stays pruned,
/// but for the units that prune.regrow gives back before (pruning/regrow.h). Taylor scores are
/// taken in evaluation mode over the first score.batches batches that `data` yields in `epoch`;
/// parameters' gradients are cleared. The weights are left as they are.
Masks prune_model(Module& model, const PruneConfig& config, double sparsity, const Masks& current,
                  DataLoader& data, int64_t epoch, double label_smoothing);

}  // namespace tessera

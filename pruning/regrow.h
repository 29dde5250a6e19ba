// Regrowth for tile-wise masks: pruned units whose weights would change the loss most come back.
//
// Source: after Evci et al., "Rigging the Lottery", ICML 2020 (RigL), which grows the weights of
// the largest gradient magnitude, at zero. Here units grow, and pruning follows: the ranking takes
// the masks from here to the sparsity of its stage.
#pragma once

#include <vector>

#include "pruning/pattern.h"

namespace tessera {

/// The masks of `layers` with units given back: of the columns (outputs) that are pruned in all
/// layers together the `share`, rounded to the nearest count, with the largest mean score; then the
/// same of the pruned rows of the tiles, of `granularity` columns, that the masks given make.
/// Among equal scores the earlier layer, then the earlier unit comes back. A unit of score 0 stays
/// pruned: without a gradient (behind a ReLU that is never active) it would stay zero for ever.
/// LayerScores::scores: the gradient magnitude of every weight, pruned ones included; ::mask: the
/// present masks, undefined: nothing is pruned. The masks given are left as they are.
/// Throws: std::invalid_argument unless 0 <= share < 1 and granularity >= 1.
std::vector<Tensor> regrown_masks(double share, int64_t granularity,
                                  const std::vector<LayerScores>& layers);

/// `scores` with the mean of the weights that `before` keeps in the place of those that only
/// `after` keeps: a weight that came back has no score of its own yet. All of one shape.
Tensor scores_with_regrown(const Tensor& scores, const Tensor& before, const Tensor& after);

}  // namespace tessera

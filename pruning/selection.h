// Which weights are pruned: regular expressions over the names of the parameters.
#pragma once

#include <string>
#include <vector>

#include "framework/io/config.h"

namespace tessera {

/// A weight that could be pruned: of a Linear or a convolution, in the model's order.
struct PrunableLayer {
  std::string name;  ///< of the parameter: "features.0.weight"
  bool is_convolution = false;
  bool is_head = false;   ///< a pooler or an output layer that the model names as one
  bool has_units = true;  ///< of the kind that config.units asks for
};

struct LayerSelection {
  struct Excluded {
    std::string name;
    std::string reason;
  };
  std::vector<std::string> pruned;  ///< in the model's order
  std::vector<Excluded> excluded;   ///< likewise; to be shown to the user
};

/// A layer is pruned where some regex of config.include is found in its name and none of
/// config.exclude. Unless config.prune_first_and_last, the first convolution and the heads
/// stay dense; where the model names no head, and none is tied to an embedding, the last layer that
/// is no convolution is one. Throws std::invalid_argument, with all mistakes in one message, for a
/// malformed regex and for one that matches no layer; and where no layer is left.
LayerSelection select_layers(const PruneConfig& config, const std::vector<PrunableLayer>& layers,
                             bool has_tied_head = false);

}  // namespace tessera

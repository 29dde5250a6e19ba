// The whole units that prune.units asks for, and those that the choice of layers leaves of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/io/config.h"
#include "layers/units.h"
#include "pruning/selection.h"

namespace tessera {

using UnitsByWeight = std::map<std::string, std::vector<UnitAxis>>;

/// What the layers of `model` declare of config.units; nothing for outputs, which every weight has.
/// Throws: std::invalid_argument where they declare none.
UnitsByWeight units_of(const PruneConfig& config, Module& model);

/// Throws: std::invalid_argument where some weights of a unit are chosen and others are not.
void require_whole(const UnitsByWeight& units, const LayerSelection& selection);

/// Without the parts of weights that are not chosen, and without units whose outputs stay.
UnitsByWeight selected_units(const UnitsByWeight& units, const std::vector<Parameter>& chosen);

}  // namespace tessera

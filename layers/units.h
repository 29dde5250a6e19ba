// Whole units of a layer (prune.pattern: units): what is computed apart from the rest of the layer
// and can be taken out of every weight that it lives in. A layer that has some says so itself.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "layers/module.h"
#include "layers/unit_axis.h"

namespace tessera {

enum class UnitKind : uint8_t {
  heads,     ///< of an attention: rows of query, key and value, columns of the output
  channels,  ///< of a convolution: its outputs, and the inputs of a convolution that alone reads
             ///< them
};

/// One weight's part in units. Paths are relative to the layer that declares them.
struct WeightUnits {
  std::string weight;  ///< "query.weight"
  UnitAxis axis;       ///< its set is a path, too: "" or that of the layer below that has the units
};

/// A base of the layers that have units.
class HasUnits {
 public:
  virtual ~HasUnits() = default;
  virtual std::vector<WeightUnits> units(UnitKind kind) const = 0;
};

/// What the layers of `model` declare: by the names of its weights, their parts in units. Sets are
/// named after the layers that have them.
std::map<std::string, std::vector<UnitAxis>> declared_units(Module& model, UnitKind kind);

}  // namespace tessera

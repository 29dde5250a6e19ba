// Part of a weight matrix [outputs, inputs] in units that several weights share.
#pragma once

#include <cstdint>
#include <string>

namespace tessera {

/// Equal ranges of a matrix' outputs or inputs, range i being a part of unit i of `set`. The 12
/// heads of an attention are {"h0", outputs, 12} on the query, key and value weights and
/// {"h0", inputs, 12} on the output's.
struct UnitAxis {
  enum class Axis { outputs, inputs };
  std::string set;  ///< the same on all layers that share the units
  Axis axis = Axis::outputs;
  int64_t count = 1;     ///< of units
  int64_t sections = 1;  ///< equal parts of the axis, each with a range of every unit: 3 where
                         ///< query, key and value are one matrix. sections * count divides the axis
};

}  // namespace tessera

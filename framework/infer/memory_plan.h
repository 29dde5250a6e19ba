// Which buffer each value of a graph lives in: a buffer is free again after its value's last
// reader.
#pragma once

#include <vector>

#include "framework/infer/graph.h"
#include "framework/sparse/panels.h"

namespace tessera {

struct MemoryPlan {
  std::vector<int> buffer_of;   ///< by value
  std::vector<int64_t> floats;  ///< by buffer
};

/// Padded values share buffers only with values of their very shape: the zeros around them are
/// written once, when the buffer is made, and nobody overwrites them.
MemoryPlan plan_memory(const Graph& graph, const std::vector<PanelShape>& shapes, int64_t images);

}  // namespace tessera

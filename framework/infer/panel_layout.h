// How the values of a graph lie in panels: their width and padding.
#pragma once

#include <vector>

#include "framework/infer/graph.h"
#include "framework/sparse/panels.h"

namespace tessera {

/// By value. Images share the width that leaves the fewest vectors for the graph's convolutions;
/// matrices have 16 rows a panel, or all where there are fewer. Planes are padded as the
/// convolutions that read them need.
std::vector<PanelShape> panel_shapes(const Graph& graph, int64_t images);

}  // namespace tessera

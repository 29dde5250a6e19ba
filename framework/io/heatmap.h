// A picture of pruning masks: one panel a layer, outputs downwards and inputs to the right as the
// weight [out, K] stands in memory. Kept weights are coloured (each layer in the next colour of a
// cycle), pruned ones dark; where one pixel covers many weights its brightness is the share kept.
// Every panel is a square, whatever the matrix's shape; the bar under it is the layer's share kept.
#pragma once

#include <string>
#include <vector>

#include "framework/core/tensor.h"
#include "framework/io/image.h"

namespace tessera {

struct MaskPanel {
  std::string name;
  Tensor mask;  ///< U8, 1 = kept; any rank >= 1, viewed as [dim 0, the rest]
};

struct HeatmapOptions {
  int panel_size = 320;  ///< pixels of a side
  int columns = 4;       ///< panels side by side, at most
};

/// REQUIRES: at least one panel, every mask U8 with at least one element.
Image draw_heatmap(const std::vector<MaskPanel>& panels, const HeatmapOptions& options = {});

}  // namespace tessera

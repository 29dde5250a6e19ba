#include "framework/infer/panel_layout.h"

#include <algorithm>

namespace tessera {
namespace {

using Kind = GraphNode::Kind;

// Vectors along the width read shifted, unaligned rows from more pages; measured on 3 x 3 layers.
constexpr double kPositionVectorCost = 1.25;

/// The width of image panels that leaves the fewest vectors for the graph's convolutions.
int64_t image_width(const Graph& graph, int64_t images) {
  const auto cost_of = [&](int64_t width) {
    const bool over_images = width >= kChunkWidth;
    const int64_t panels = (images + width - 1) / width;
    double cost = 0;
    for (const GraphNode& node : graph.nodes) {
      const GraphValue& y = graph.values[static_cast<size_t>(node.y)];
      if (node.kind != Kind::conv2d || y.tokens > 0) continue;
      const int64_t per_chunk =
          over_images ? 1 : (kChunkWidth / width + node.conv.stride[1] - 1) / node.conv.stride[1];
      const int64_t chunks = panels * y.h * ((y.w + per_chunk - 1) / per_chunk);
      cost += static_cast<double>(node.weight.numel() * chunks) *
              (over_images ? 1.0 : kPositionVectorCost);
    }
    return cost;
  };
  int64_t best = kChunkWidth;
  for (int64_t width = std::min<int64_t>(images, kChunkWidth - 1); width >= 1; --width)
    if (cost_of(width) < cost_of(best)) best = width;
  return best;
}

}  // namespace

std::vector<PanelShape> panel_shapes(const Graph& graph, int64_t images) {
  const int64_t of_images = image_width(graph, images);
  const int64_t of_rows = std::min<int64_t>(images, kChunkWidth);
  const int64_t of_tokens = std::min<int64_t>(images * graph.tokens, kChunkWidth);
  std::vector<PanelShape> shapes;
  for (const GraphValue& v : graph.values) shapes.push_back({.c = v.c, .h = v.h, .w = v.w});
  const auto is_sequence = [&](int value) {
    return graph.values[static_cast<size_t>(value)].tokens > 0;
  };
  const bool takes_images = shapes[0].h * shapes[0].w > 1;
  shapes[0].width = is_sequence(0) ? of_tokens : takes_images ? of_images : of_rows;
  for (const GraphNode& node : graph.nodes) {
    PanelShape& x = shapes[static_cast<size_t>(node.x)];
    const bool makes_rows = node.kind == Kind::flatten || node.kind == Kind::token;
    shapes[static_cast<size_t>(node.y)].width = is_sequence(node.y) ? of_tokens
                                                : makes_rows        ? of_rows
                                                                    : x.width;
    if (node.kind != Kind::conv2d) continue;
    x.pad_h = std::max(x.pad_h, node.conv.padding[0]);
    x.pad_w = std::max(x.pad_w, node.conv.padding[1]);
  }
  return shapes;
}

}  // namespace tessera

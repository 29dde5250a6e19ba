#include "framework/infer/memory_plan.h"

#include <algorithm>

namespace tessera {
namespace {

bool is_padded(const PanelShape& shape) { return shape.pad_h > 0 || shape.pad_w > 0; }

}  // namespace

MemoryPlan plan_memory(const Graph& graph, const std::vector<PanelShape>& shapes, int64_t images) {
  const size_t values = graph.values.size();
  std::vector<size_t> last_reader(values, 0);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const int value : graph.nodes[i].operands()) last_reader[static_cast<size_t>(value)] = i;
  }
  last_reader[static_cast<size_t>(graph.output)] = graph.nodes.size();

  MemoryPlan plan;
  plan.buffer_of.assign(values, -1);
  std::vector<PanelShape> shape_of;  // by buffer
  std::vector<int> free;
  const auto assign = [&](int value) {
    const PanelShape& shape = shapes[static_cast<size_t>(value)];
    const auto it = std::find_if(free.begin(), free.end(), [&](int buffer) {
      const PanelShape& held = shape_of[static_cast<size_t>(buffer)];
      return is_padded(shape) ? held == shape : !is_padded(held);
    });
    int buffer = static_cast<int>(plan.floats.size());
    if (it == free.end()) {
      plan.floats.push_back(0);
      shape_of.push_back(shape);
    } else {
      buffer = *it;
      free.erase(it);
    }
    auto& floats = plan.floats[static_cast<size_t>(buffer)];
    floats = std::max(floats, shape.floats(graph.rows(value, images, graph.tokens)));
    plan.buffer_of[static_cast<size_t>(value)] = buffer;
  };
  const auto release = [&](int value, size_t reader) {
    if (last_reader[static_cast<size_t>(value)] == reader)
      free.push_back(plan.buffer_of[static_cast<size_t>(value)]);
  };

  assign(0);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    assign(node.y);
    for (const int value : node.operands()) release(value, i);
  }
  return plan;
}

}  // namespace tessera

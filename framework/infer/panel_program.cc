#include <algorithm>
#include <functional>
#include <iomanip>

#include "framework/infer/memory_plan.h"
#include "framework/infer/panel_ops.h"
#include "framework/infer/program.h"
#include "framework/infer/stopwatch.h"
#include "framework/sparse/gather_conv2d.h"

namespace tessera {
namespace {

using Kind = GraphNode::Kind;

// Outputs of a dense tile: its weights stay in the L2 cache beside the activations of a block.
constexpr int64_t kDenseTile = 64;
// Vectors along the width read shifted, unaligned rows from more pages; measured on 3 x 3 layers.
constexpr double kPositionVectorCost = 1.25;

// Below this ratio the dense product is faster by more than a busy machine's noise. Otherwise the
// tiles win: they hold fewer weights, and the choice does not flicker from run to run.
constexpr double kClearlyFaster = 0.95;

/// The width of image panels that leaves the fewest vectors for the graph's convolutions.
int64_t image_width(const Graph& graph, int64_t images) {
  const auto cost_of = [&](int64_t width) {
    const bool over_images = width >= kChunkWidth;
    const int64_t panels = (images + width - 1) / width;
    double cost = 0;
    for (const GraphNode& node : graph.nodes) {
      if (node.kind != Kind::conv2d) continue;
      const GraphValue& y = graph.values[static_cast<size_t>(node.y)];
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

std::vector<PanelShape> panel_shapes(const Graph& graph, int64_t images) {
  const int64_t of_images = image_width(graph, images);
  const int64_t of_rows = std::min<int64_t>(images, kChunkWidth);
  std::vector<PanelShape> shapes;
  for (const GraphValue& v : graph.values) shapes.push_back({.c = v.c, .h = v.h, .w = v.w});
  const auto is_image = [&](int value) {
    const GraphValue& v = graph.values[static_cast<size_t>(value)];
    return v.h * v.w > 1;
  };
  shapes[0].width = is_image(0) ? of_images : of_rows;
  for (const GraphNode& node : graph.nodes) {
    PanelShape& x = shapes[static_cast<size_t>(node.x)];
    shapes[static_cast<size_t>(node.y)].width = node.kind == Kind::flatten ? of_rows : x.width;
    if (node.kind != Kind::conv2d) continue;
    x.pad_h = std::max(x.pad_h, node.conv.padding[0]);
    x.pad_w = std::max(x.pad_w, node.conv.padding[1]);
  }
  return shapes;
}

std::string milliseconds(double ms) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(ms < 1 ? 3 : 2) << ms << " ms";
  return out.str();
}

class PanelProgram : public Program {
 public:
  PanelProgram(const Graph& graph, const PlanOptions& options)
      : dense_only_(options.dense_only), images_(graph.input_shape[0]) {
    const auto shapes = panel_shapes(graph, images_);
    const MemoryPlan memory = plan_memory(graph, shapes, images_);
    for (const int64_t floats : memory.floats) {
      buffers_.push_back(Tensor::zeros({floats}));
      workspace_bytes_ += buffers_.back().nbytes();
    }
    for (size_t v = 0; v < shapes.size(); ++v) {
      Tensor& buffer = buffers_[static_cast<size_t>(memory.buffer_of[v])];
      views_.push_back({shapes[v], buffer.data<float>()});
    }
    for (const GraphNode& node : graph.nodes) {
      steps_.push_back(report_of(graph, node));
      run_.push_back(node.kind == Kind::conv2d ? product(node, steps_.back()) : pass(node));
    }
    output_ = graph.output;
  }

  void run(const Tensor& x, int64_t first, int64_t count, Tensor& y) override {
    pack_panels(cpu(), x, first, count, views_[0].shape, views_[0].data);
    for (const auto& step : run_) step(count);
    const PanelView& out = views_[static_cast<size_t>(output_)];
    unpack_panels(cpu(), out.shape, out.data, first, count, y);
  }

 private:
  using Step = std::function<void(int64_t images)>;

  const PanelView& view(int value) const { return views_[static_cast<size_t>(value)]; }

  Step product(const GraphNode& node, StepReport& report);
  Step pass(const GraphNode& node) const;

  bool dense_only_;
  int64_t images_;
  std::vector<Tensor> buffers_;
  std::vector<PanelView> views_;  // by value
  std::vector<Step> run_;
  int output_ = 0;
};

/// A convolution or linear layer: over the tiles, or dense where that is as fast.
PanelProgram::Step PanelProgram::product(const GraphNode& node, StepReport& report) {
  const PanelView x = view(node.x), y = view(node.y);
  const PanelView residual = node.other >= 0 ? view(node.other) : PanelView{};
  const PanelShape* const added = node.other >= 0 ? &residual.shape : nullptr;
  const auto make = [&](const TileMatrix& tiles) {
    return std::make_shared<const GatherConv2d>(cpu().isa(), tiles, node.bias, node.conv, x.shape,
                                                y.shape, node.activation, added);
  };
  const auto step = [x, y, residual](std::shared_ptr<const GatherConv2d> conv) -> Step {
    return [x, y, residual, conv](int64_t images) {
      conv->run(cpu(), images, x.data, residual.data, y.data);
    };
  };
  const auto keep = [&](std::shared_ptr<const GatherConv2d> conv) {
    weight_bytes_ += conv->weight_bytes();
    return step(std::move(conv));
  };
  report.algorithm = "dense";
  const auto dense = [&] { return make(pack(node.weight, {}, kDenseTile, node.conv.groups)); };
  if (!node.tiles || dense_only_) {
    report.reason = node.tiles ? "asked for" : "not pruned";
    return keep(dense());
  }
  if (node.tiles->has_remainder()) {
    report.reason = "unstructured: no tiles to skip";
    return keep(dense());
  }
  const auto sparse = make(*node.tiles), whole = dense();
  const auto ms = race({[&] { step(sparse)(images_); }, [&] { step(whole)(images_); }});
  report.sparse_ms = ms[0];
  report.dense_ms = ms[1];
  report.reason = "sparse " + milliseconds(ms[0]) + ", dense " + milliseconds(ms[1]);
  if (ms[1] < kClearlyFaster * ms[0]) return keep(whole);
  report.algorithm = "sparse";
  return keep(sparse);
}

PanelProgram::Step PanelProgram::pass(const GraphNode& node) const {
  const PanelView x = view(node.x), y = view(node.y);
  const PanelView other = node.other >= 0 ? view(node.other) : PanelView{};
  const Activation activation = node.activation;
  switch (node.kind) {
    case Kind::max_pool2d:
      return
          [=, options = node.max_pool](int64_t n) { panels_max_pool2d(cpu(), n, x, options, y); };
    case Kind::mean_pool2d:
      return [=, rows = node.rows, columns = node.columns](int64_t n) {
        panels_mean_pool2d(cpu(), n, x, rows, columns, y);
      };
    case Kind::affine:
      return [=, scale = node.scale, shift = node.bias](int64_t n) {
        panels_affine(cpu(), n, x, scale.data<float>(), shift.data<float>(), activation, y);
      };
    case Kind::add:
    case Kind::activation:
      return [=](int64_t n) { panels_add(cpu(), n, x, other, activation, y); };
    case Kind::sigmoid:
      return [=](int64_t n) { panels_sigmoid(cpu(), n, x, y); };
    case Kind::tanh:
      return [=](int64_t n) { panels_tanh(cpu(), n, x, y); };
    case Kind::softmax:
    case Kind::log_softmax:
      return [=, logarithm = node.kind == Kind::log_softmax](int64_t n) {
        panels_softmax(cpu(), n, x, logarithm, y);
      };
    case Kind::flatten:
      return [=](int64_t n) { panels_flatten(cpu(), n, x, y); };
    case Kind::conv2d:
      break;
  }
  fail("[plan] a product is no pass; got the op ", node.op, ".");
}

}  // namespace

std::unique_ptr<Program> make_panel_program(const Graph& graph, const PlanOptions& options) {
  return std::make_unique<PanelProgram>(graph, options);
}

}  // namespace tessera

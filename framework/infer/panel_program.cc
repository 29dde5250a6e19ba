#include <algorithm>
#include <functional>
#include <iomanip>

#include "framework/infer/memory_plan.h"
#include "framework/infer/panel_layout.h"
#include "framework/infer/panel_ops.h"
#include "framework/infer/program.h"
#include "framework/infer/stopwatch.h"
#include "framework/sparse/gather_conv2d.h"
#include "framework/sparse/pack.h"

namespace tessera {
namespace {

using Kind = GraphNode::Kind;

// Outputs of a dense tile: its weights stay in the L2 cache beside the activations of a block.
constexpr int64_t kDenseTile = 64;
// Below this ratio the dense product is faster by more than a busy machine's noise. Otherwise the
// tiles win: they hold fewer weights, and the choice does not flicker from run to run.
constexpr double kClearlyFaster = 0.95;

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

/// A convolution or linear layer: over the packed weight, or dense where that is faster. 2:4 sparse
/// blocks are also tried as single weights: half as many, each at a higher cost.
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
  const auto dense = [&] { return make(pack(node.weight, {}, kDenseTile, node.conv.groups)); };
  if (!node.tiles || dense_only_) {
    report.algorithm = "dense";
    report.reason = node.tiles ? "asked for" : "not pruned";
    return keep(dense());
  }
  std::vector<const char*> names{"sparse"};
  std::vector<std::shared_ptr<const GatherConv2d>> ways{make(*node.tiles)};
  if (node.tiles->two_of_four) {
    names.push_back("singles");
    ways.push_back(make(pack_remainder(node.weight, stored_mask(*node.tiles))));
  }
  names.push_back("dense");
  ways.push_back(dense());
  std::vector<std::function<void()>> contestants;
  for (const auto& way : ways) contestants.push_back([&, run = step(way)] { run(images_); });
  const std::vector<double> ms = race(contestants);

  for (size_t i = 0; i < ms.size(); ++i)
    report.reason += concat(i == 0 ? "" : ", ", names[i], " ", milliseconds(ms[i]));
  const size_t sparse =
      static_cast<size_t>(std::min_element(ms.begin(), ms.end() - 1) - ms.begin());
  report.sparse_ms = ms[sparse];
  report.dense_ms = ms.back();
  const size_t chosen = ms.back() < kClearlyFaster * ms[sparse] ? ms.size() - 1 : sparse;
  report.algorithm = names[chosen];
  return keep(ways[chosen]);
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
      return [=, rows = node.rows->windows(), columns = node.columns->windows()](int64_t n) {
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

#include <algorithm>
#include <chrono>
#include <functional>

#include "framework/infer/memory_plan.h"
#include "framework/infer/panel_layout.h"
#include "framework/infer/panel_ops.h"
#include "framework/infer/panel_sequence.h"
#include "framework/infer/program.h"
#include "framework/infer/stopwatch.h"
#include "framework/sparse/gather_conv2d.h"
#include "framework/sparse/pack.h"

namespace tessera {
namespace {

using Kind = GraphNode::Kind;

// Outputs of a dense tile: its weights stay in the L2 cache beside the activations of a block.
constexpr int64_t kDenseTile = 64;

class PanelProgram : public Program {
 public:
  PanelProgram(const Graph& graph, const PlanOptions& options)
      : graph_(graph),
        dense_only_(options.dense_only),
        whole_{.images = graph.input_shape[0], .tokens = graph.tokens} {
    const auto shapes = panel_shapes(graph, whole_.images);
    const MemoryPlan memory = plan_memory(graph, shapes, whole_.images);
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
      run_.push_back(step_of(node));
    }
  }

  void run(const std::vector<Tensor>& inputs, int64_t first, int64_t count, Tensor& y) override {
    run_parts(inputs, first, count, y, [](size_t, const auto& part) { part(); });
  }

  std::vector<double> profile(const std::vector<Tensor>& inputs, int64_t count,
                              Tensor& y) override {
    using Clock = std::chrono::steady_clock;
    std::vector<double> ms(run_.size() + 1);
    run_parts(inputs, 0, count, y, [&](size_t i, const auto& part) {
      const auto start = Clock::now();
      part();
      ms[i] += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    });
    return ms;
  }

 private:
  /// `each`: how a part runs, by its step's index; packing and unpacking have the one after them.
  template <class Each>
  void run_parts(const std::vector<Tensor>& inputs, int64_t first, int64_t count, Tensor& y,
                 const Each& each) {
    BatchPart batch{.images = count, .tokens = graph_.tokens, .first = first, .inputs = &inputs};
    if (graph_.is_of_sequences())
      batch.tokens = inputs[0].dim(1);
    else
      each(run_.size(),
           [&] { pack_panels(cpu(), inputs[0], first, count, views_[0].shape, views_[0].data); });
    for (size_t i = 0; i < run_.size(); ++i) each(i, [&] { run_[i](batch); });
    each(run_.size(), [&] {
      if (graph_.span_lengths >= 0)
        panels_span_scores(cpu(), batch, inputs[static_cast<size_t>(graph_.span_lengths)],
                           view(graph_.output), y);
      else
        unpack(batch, y);
    });
  }

  void unpack(const BatchPart& batch, Tensor& y) const {
    const PanelView& out = view(graph_.output);
    const int64_t rows_each = rows(graph_.output, {.images = 1, .tokens = batch.tokens});
    Tensor to = y.rank() == 3 ? y.alias({y.dim(0) * y.dim(1), y.dim(2)}) : y;
    unpack_panels(cpu(), out.shape, out.data, batch.first * rows_each, batch.images * rows_each,
                  to);
  }

  using Step = std::function<void(const BatchPart&)>;

  const PanelView& view(int value) const { return views_[static_cast<size_t>(value)]; }

  int64_t rows(int value, const BatchPart& batch) const {
    return graph_.rows(value, batch.images, batch.tokens);
  }

  Step step_of(const GraphNode& node) {
    switch (node.kind) {
      case Kind::conv2d:
        return product(node, steps_.back());
      case Kind::embedding:
      case Kind::patches:
      case Kind::attention:
      case Kind::rotary:
      case Kind::token:
        return sequence_step(node);
      default:
        return
            [this, x = node.x, run = pass(node)](const BatchPart& batch) { run(rows(x, batch)); };
    }
  }
  Step product(const GraphNode& node, StepReport& report);
  Step sequence_step(const GraphNode& node) const;
  std::function<void(int64_t rows)> pass(const GraphNode& node) const;

  const Graph graph_;
  bool dense_only_;
  BatchPart whole_;  // as large as it may be
  std::vector<Tensor> buffers_;
  std::vector<PanelView> views_;  // by value
  std::vector<Step> run_;
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
  const auto step = [this, value = node.x, x, y,
                     residual](std::shared_ptr<const GatherConv2d> conv) -> Step {
    return [=, this](const BatchPart& batch) {
      conv->run(cpu(), rows(value, batch), x.data, residual.data, y.data);
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
  for (const auto& way : ways) contestants.push_back([&, run = step(way)] { run(whole_); });
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

PanelProgram::Step PanelProgram::sequence_step(const GraphNode& node) const {
  const PanelView y = view(node.y);
  if (node.kind == Kind::embedding)
    return [y, lookups = node.lookups](const BatchPart& batch) {
      panels_embedding(cpu(), batch, lookups, y);
    };
  const PanelView x = view(node.x);
  if (node.kind == Kind::patches)
    return [x, y, lead = node.token, lookups = node.lookups](const BatchPart& batch) {
      panels_patches(cpu(), batch, lead, lookups, x, y);
    };
  if (node.kind == Kind::token)
    return [x, y, token = node.token](const BatchPart& batch) {
      panels_token(cpu(), batch, token, x, y);
    };
  if (node.kind == Kind::rotary)
    return
        [x, y, heads = node.heads, table = RotaryTable(node.rotary, node.heads.dim, whole_.tokens)](
            const BatchPart& batch) { panels_rotary(cpu(), batch, heads, table, x, y); };
  GraphNode::Heads heads = node.heads;
  if (dense_only_) heads.needed.clear();
  return [x, k = view(node.other), v = view(node.third), y, heads](const BatchPart& batch) {
    panels_attention(cpu(), batch, heads, x, k, v, y);
  };
}

/// A step that treats all rows alike.
std::function<void(int64_t rows)> PanelProgram::pass(const GraphNode& node) const {
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
    case Kind::layer_norm:
      return [=, scale = node.scale, shift = node.bias, epsilon = node.epsilon](int64_t n) {
        panels_layer_norm(cpu(), n, x, scale.data<float>(),
                          shift.defined() ? shift.data<float>() : nullptr, epsilon, y);
      };
    case Kind::rms_norm:
      return [=, scale = node.scale, epsilon = node.epsilon](int64_t n) {
        panels_rms_norm(cpu(), n, x, scale.data<float>(), epsilon, y);
      };
    case Kind::swiglu:
      return [=](int64_t n) { panels_swiglu(cpu(), n, x, other, y); };
    case Kind::conv2d:
    case Kind::embedding:
    case Kind::patches:
    case Kind::attention:
    case Kind::rotary:
    case Kind::token:
      break;
  }
  fail("[plan] a product or a step of sequences is no pass; got the op ", node.op, ".");
}

}  // namespace

std::unique_ptr<Program> make_panel_program(const Graph& graph, const PlanOptions& options) {
  return std::make_unique<PanelProgram>(graph, options);
}

}  // namespace tessera

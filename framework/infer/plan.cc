#include "framework/infer/plan.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <utility>

#include "framework/autograd/autograd.h"
#include "framework/infer/program.h"
#include "framework/infer/stopwatch.h"
#include "framework/ops/to_layout.h"

namespace tessera {
namespace {

std::string extents(const GraphValue& v) {
  if (v.tokens > 0) return concat(v.tokens, " x ", v.c);
  if (v.h * v.w == 1) return concat(v.c);
  return concat(v.c, "x", v.h, "x", v.w);
}

Shape with_images(const Shape& shape, int64_t images) {
  std::vector<int64_t> dims(shape.begin(), shape.end());
  dims[0] = images;
  return Shape(dims);
}

}  // namespace

StepReport report_of(const Graph& graph, const GraphNode& node) {
  const auto value = [&](int v) { return extents(graph.values[static_cast<size_t>(v)]); };
  StepReport report;
  report.kind = node.op;
  report.weight = node.weight_name;
  report.shape = value(node.x) + " -> " + value(node.y);
  if (node.kind == GraphNode::Kind::flatten) report.kind = "flatten";
  if (node.kind == GraphNode::Kind::conv2d && node.other >= 0) report.kind += "+add";
  if (node.activation != Activation::none && node.kind != GraphNode::Kind::activation)
    report.kind += node.activation == Activation::relu   ? "+relu"
                   : node.activation == Activation::silu ? "+silu"
                                                         : "+gelu";
  if (node.kind == GraphNode::Kind::token) report.kind = "token";
  if (node.kind == GraphNode::Kind::patches) report.kind = "patches";
  if (node.kind == GraphNode::Kind::conv2d) {
    const GraphValue& y = graph.values[static_cast<size_t>(node.y)];
    report.columns = graph.rows(node.y, graph.input_shape[0], graph.tokens) * y.h * y.w;
  }
  if (node.tiles && node.weight.numel() > 0)
    report.kept =
        static_cast<double>(node.tiles->stored()) / static_cast<double>(node.weight.numel());
  return report;
}

struct InferencePlan::State {
  Shape input_shape, output_shape;
  Layout input_layout, output_layout;
  int tokens_axis = 1;  ///< of the output of sequences, where it has three axes
  Device device;
  bool has_sequences = false;
  std::vector<Tensor> example;  ///< of sequences
  std::unique_ptr<Program> program;
  Executor executor = Executor::panels;
  std::string choice;  ///< why this executor
};

InferencePlan::InferencePlan() = default;
InferencePlan::InferencePlan(std::unique_ptr<State> state) : state_(std::move(state)) {}
InferencePlan::InferencePlan(InferencePlan&&) noexcept = default;
InferencePlan& InferencePlan::operator=(InferencePlan&&) noexcept = default;
InferencePlan::~InferencePlan() = default;

namespace {

/// The output tensor, in the layout that programs write.
Tensor output_for(const Shape& example, int64_t images, Device device) {
  const Layout layout = example.rank() == 4 ? Layout::nhwc : Layout::row_major;
  return Tensor::empty(with_images(example, images), {.layout = layout, .device = device});
}

}  // namespace

Tensor InferencePlan::run(const Tensor& x) const {
  require(state_ != nullptr, "[plan] the plan must be made by make_plan(); got an empty one.");
  const Shape& example = state_->input_shape;
  require(x.dtype() == DType::f32 && x.layout() == state_->input_layout &&
              x.device() == state_->device && x.rank() == example.rank() &&
              with_images(x.shape(), example[0]) == example,
          "[plan] the input must be f32 ", state_->input_layout, " on ", state_->device,
          ", as the example ", example, " but for the batch; got ", x, ".");
  const NoGrad no_grad;
  Tensor y = output_for(state_->output_shape, x.dim(0), x.device());
  for (int64_t first = 0; first < x.dim(0); first += example[0])
    state_->program->run({x}, first, std::min(example[0], x.dim(0) - first), y);
  return y.rank() == 4 ? to_layout(y, state_->output_layout) : y;
}

Tensor InferencePlan::run(const std::vector<Tensor>& inputs) const {
  require(state_ != nullptr, "[plan] the plan must be made by make_plan(); got an empty one.");
  const std::vector<Tensor>& example = state_->example;
  require(!example.empty() && inputs.size() == example.size(), "[plan] there must be the ",
          example.size(), " inputs of the example's sequences; got ", inputs.size(), ".");
  const Tensor& ids = inputs[0];
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor &x = inputs[i], &like = example[i];
    require(x.dtype() == like.dtype() && x.device() == like.device() && x.rank() == like.rank() &&
                x.layout() == like.layout() && x.dim(0) == ids.dim(0) &&
                (x.rank() < 2 || (x.dim(1) == ids.dim(1) && x.dim(1) <= like.dim(1))),
            "[plan] input ", i, " must be as the example ", like,
            " but for the batch and fewer tokens, and agree with the first input; got ", x, ".");
  }
  const NoGrad no_grad;
  const int64_t each = example[0].dim(0), sequences = ids.dim(0);
  std::vector<int64_t> dims(state_->output_shape.begin(), state_->output_shape.end());
  dims[0] = sequences;
  if (dims.size() == 3) dims[static_cast<size_t>(state_->tokens_axis)] = ids.dim(1);
  Tensor y = Tensor::empty(Shape(dims));
  for (int64_t first = 0; first < sequences; first += each)
    state_->program->run(inputs, first, std::min(each, sequences - first), y);
  return y;
}

std::vector<double> Program::profile(const std::vector<Tensor>&, int64_t, Tensor&) {
  fail("[plan] only the steps of panels are timed one by one; got another executor.");
}

std::vector<double> InferencePlan::profile(const std::vector<Tensor>& inputs) const {
  require(state_ != nullptr && !inputs.empty() && inputs[0].dim(0) == state_->input_shape[0],
          "[plan] a profile needs a plan and inputs of its example's shape; got others.");
  const NoGrad no_grad;
  Tensor y = output_for(state_->output_shape, inputs[0].dim(0), state_->device);
  return state_->program->profile(inputs, inputs[0].dim(0), y);
}

Executor InferencePlan::executor() const { return state_->executor; }
bool InferencePlan::has_sequences() const { return state_->has_sequences; }
const std::vector<StepReport>& InferencePlan::steps() const { return state_->program->steps(); }
int64_t InferencePlan::weight_bytes() const { return state_->program->weight_bytes(); }
int64_t InferencePlan::workspace_bytes() const { return state_->program->workspace_bytes(); }

std::string InferencePlan::describe() const {
  std::ostringstream out;
  out << "plan for batches of " << state_->input_shape[0];
  if (!state_->example.empty())
    out << " sequences of up to " << state_->input_shape[1] << " tokens";
  out << ": " << state_->choice << "\n";
  size_t name = 28;
  for (const StepReport& step : steps()) name = std::max(name, step.weight.size());
  const int name_width = static_cast<int>(name) + 2;
  out << std::left << std::setw(20) << "step" << std::setw(name_width) << "weight" << std::setw(26)
      << "shape" << std::setw(8) << "kept" << std::setw(8) << "runs"
      << "because\n";
  for (const StepReport& step : steps()) {
    std::ostringstream kept;
    if (!step.weight.empty()) kept << std::fixed << std::setprecision(1) << 100 * step.kept << "%";
    out << std::left << std::setw(20) << step.kind << std::setw(name_width) << step.weight
        << std::setw(26) << step.shape << std::setw(8) << kept.str() << std::setw(8)
        << step.algorithm << step.reason << "\n";
  }
  return out.str();
}

InferencePlan make_plan(Module& model, const Tensor& example,
                        const std::map<std::string, TileMatrix>& tiles,
                        const PlanOptions& options) {
  const Graph graph = make_graph(model, example, tiles);
  auto state = std::make_unique<InferencePlan::State>();
  state->input_shape = graph.input_shape;
  state->output_shape = graph.output_shape;
  state->input_layout = graph.input_layout;
  state->output_layout = graph.output_layout;
  state->device = example.device();
  state->has_sequences = graph.has_sequences();
  if (!example.device().is_cpu() || options.executor == Executor::ops) {
    require(options.executor == Executor::ops || options.executor == Executor::fastest,
            "[plan] panels and library run on the cpu; got an example on ", example.device(),
            ". Leave the executor out.");
    state->executor = Executor::ops;
    state->choice = concat("ops in ", options.dtype, " on ", example.device());
    state->program = make_op_program(graph, options, example.device());
    return InferencePlan(std::move(state));
  }
  require(options.dtype == DType::f32, "[plan] plans for the cpu are f32; got ", options.dtype,
          ". Leave it out, or use a CUDA device.");
#ifdef TESSERA_ONEDNN
  const bool has_library = true;
#else
  const bool has_library = false;
#endif
  state->executor = options.executor;
  state->choice = "asked for";
  if (options.executor == Executor::fastest && (!has_library || state->has_sequences)) {
    state->executor = Executor::panels;
    state->choice =
        state->has_sequences ? "those that run sequences" : "the only one in this build";
  }
  if (state->executor == Executor::fastest) {
    auto panels = make_panel_program(graph, options);
    auto library = make_library_program(graph, options);
    Tensor y = output_for(graph.output_shape, example.dim(0), example.device());
    const auto ms = race({[&] { panels->run({example}, 0, example.dim(0), y); },
                          [&] { library->run({example}, 0, example.dim(0), y); }},
                         200);
    state->executor = ms[0] <= ms[1] ? Executor::panels : Executor::library;
    state->choice = concat("panels ", ms[0], " ms, oneDNN (dense) ", ms[1], " ms");
    state->program = std::move(ms[0] <= ms[1] ? panels : library);
  } else {
    state->program = state->executor == Executor::panels ? make_panel_program(graph, options)
                                                         : make_library_program(graph, options);
  }
  state->choice = concat(state->executor == Executor::panels ? "row-gather kernels" : "oneDNN",
                         " (", state->choice, ")");
  return InferencePlan(std::move(state));
}

InferencePlan make_plan(Module& model, const std::vector<Tensor>& example,
                        const std::map<std::string, TileMatrix>& tiles,
                        const PlanOptions& options) {
  require(!example.empty(), "[plan] the example must hold the model's inputs; got none.");
  if (example.size() == 1 && example[0].dtype() == DType::f32)
    return make_plan(model, example[0], tiles, options);
  require(example[0].device().is_cpu() && options.dtype == DType::f32 &&
              (options.executor == Executor::fastest || options.executor == Executor::panels),
          "[plan] plans of sequences run on the cpu's panels in f32; got an example on ",
          example[0].device(), ", or another executor or type. Move the model to the cpu.");
  const Graph graph = make_graph(model, example, tiles);
  auto state = std::make_unique<InferencePlan::State>();
  state->input_shape = graph.input_shape;
  state->output_shape = graph.output_shape;
  state->input_layout = graph.input_layout;
  state->output_layout = graph.output_layout;
  state->has_sequences = true;
  state->tokens_axis = graph.span_lengths >= 0 ? 2 : 1;
  state->example = example;
  state->executor = Executor::panels;
  state->choice = "row-gather kernels (those that run sequences)";
  state->program = make_panel_program(graph, options);
  return InferencePlan(std::move(state));
}

}  // namespace tessera

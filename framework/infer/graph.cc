#include "framework/infer/graph.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

#include "framework/autograd/autograd.h"
#include "framework/infer/graph_lowering.h"
#include "framework/ops/adaptive_avg_pool2d.h"
#include "framework/ops/batch_norm.h"
#include "framework/ops/gelu.h"
#include "framework/ops/linear.h"
#include "framework/ops/softmax.h"

namespace tessera {
namespace {

/// The value that a tensor holds, one row of each image, or of each token of a sequence.
GraphValue value_of(const Tensor& tensor, bool of_sequences) {
  if (of_sequences && tensor.rank() >= 3) {
    const int64_t rows = tensor.dim(0) * tensor.dim(1);
    return {.c = tensor.numel() / rows, .tokens = tensor.dim(1)};
  }
  if (tensor.rank() == 4) return {tensor.dim(1), tensor.dim(2), tensor.dim(3)};
  require(tensor.rank() == 2,
          "[plan] activations must be [N, C, H, W] or [N, K] tensors, or those of sequences; got "
          "shape ",
          tensor.shape(), ".");
  return {tensor.dim(1), 1, 1};
}

/// scale[c] and shift[c] of a batch norm in evaluation.
std::pair<Tensor, Tensor> scale_and_shift(const TracedOp& op) {
  const auto& options = std::any_cast<const BatchNormOptions&>(op.attributes);
  require(!options.training, "[plan] batch norm must be in evaluation mode; got it in training.");
  const auto on_cpu = [&](size_t i) {
    return op.inputs[i].defined() ? op.inputs[i].to(Device{}) : Tensor{};
  };
  const Tensor weight = on_cpu(1), bias = on_cpu(2), mean = on_cpu(3), var = on_cpu(4);
  const int64_t channels = mean.dim(0);
  Tensor scale = Tensor::empty({channels}), shift = Tensor::empty({channels});
  for (int64_t c = 0; c < channels; ++c) {
    const double gain = weight.defined() ? weight.data<float>()[c] : 1.0;
    const double factor = gain / std::sqrt(double{var.data<float>()[c]} + options.epsilon);
    scale.data<float>()[c] = static_cast<float>(factor);
    shift.data<float>()[c] = static_cast<float>((bias.defined() ? bias.data<float>()[c] : 0.0) -
                                                factor * mean.data<float>()[c]);
  }
  return {scale, shift};
}

/// weight[o, ...] *= scale[o] and bias = bias * scale + shift, in the dense and the packed form.
void fold(const Tensor& scale, const Tensor& shift, GraphNode& conv) {
  const float* const factor = scale.data<float>();
  conv.weight = conv.weight.clone();
  const int64_t outputs = conv.weight.dim(0), inputs = conv.weight.numel() / outputs;
  for (int64_t o = 0; o < outputs; ++o)
    for (int64_t k = 0; k < inputs; ++k) conv.weight.data<float>()[o * inputs + k] *= factor[o];
  Tensor bias = shift.clone();
  if (conv.bias.defined())
    for (int64_t o = 0; o < outputs; ++o)
      bias.data<float>()[o] += conv.bias.data<float>()[o] * factor[o];
  conv.bias = bias;
  if (!conv.tiles) return;
  TileMatrix& m = *conv.tiles;
  size_t v = 0;
  for (size_t t = 0; t + 1 < m.n_ptr.size(); ++t)
    for (int32_t n = m.n_ptr[t]; n < m.n_ptr[t + 1]; ++n)
      for (int32_t k = m.k_ptr[t]; k < m.k_ptr[t + 1]; ++k)
        m.values[v++] *= factor[m.n_idx[static_cast<size_t>(n)]];
  for (size_t i = 0; i < m.tew_values.size(); ++i) m.tew_values[i] *= factor[m.tew_row[i]];
}

bool ends_in_relu(const TracedOp& op) {
  if (op.op == "batch_norm") return std::any_cast<const BatchNormOptions&>(op.attributes).relu;
  if (op.op == "conv2d") return std::any_cast<const Conv2dOptions&>(op.attributes).relu;
  return op.op == "linear" && std::any_cast<const LinearOptions&>(op.attributes).relu;
}

/// The ops with each that adds a residual or ends in relu as the ops it stands for: a plan fuses in
/// its own way.
std::vector<TracedOp> taken_apart(const std::vector<TracedOp>& ops) {
  std::vector<TracedOp> out;
  for (const TracedOp& op : ops) {
    out.push_back(op);
    const bool is_norm = op.op == "batch_norm";
    const Tensor residual = is_norm ? op.inputs[5] : Tensor{};
    std::vector<TracedOp> steps;
    if (residual.defined()) steps.push_back({"add", {Tensor{}, residual}, {}, {}});
    if (ends_in_relu(op)) steps.push_back({"relu", {Tensor{}}, {}, {}});
    if (is_norm) out.back().inputs.resize(5);
    for (TracedOp& step : steps) {
      const Tensor between = op.output.detach();
      out.back().output = step.inputs[0] = between;
      step.output = op.output;
      out.push_back(std::move(step));
    }
  }
  return out;
}

void check_tile_matrix(Module& model, const std::string& name, const TileMatrix& tiles) {
  check_tiles(name, tiles);
  for (const Parameter& parameter : model.parameters())
    if (parameter.name == name) {
      require(parameter.tensor.shape() == tiles.shape, "[plan] the tiles of ", name,
              " must have the weight's shape ", parameter.tensor.shape(), "; got ", tiles.shape,
              ".");
      return;
    }
  fail("[plan] every tile matrix must belong to a parameter of the model; got '", name, "'.");
}

}  // namespace

GraphLowering::GraphLowering(Module& model, const std::map<std::string, TileMatrix>& tiles,
                             const std::vector<Tensor>& example, const Tensor& output,
                             const std::vector<TracedOp>& ops)
    : tiles_(tiles), of_sequences_(example[0].dtype() == DType::i64) {
  if (of_sequences_) graph_.tokens = example[0].dim(1);
  for (const Parameter& parameter : model.parameters())
    names_[parameter.tensor.id()] = parameter.name;
  for (const auto& [name, tile_matrix] : tiles) check_tile_matrix(model, name, tile_matrix);
  ++uses_[output.id()];
  for (const TracedOp& op : ops)
    for (const Tensor& input : op.inputs)
      if (input.defined()) ++uses_[input.id()];
  graph_.values.push_back(of_sequences_ ? GraphValue{.c = 1, .tokens = graph_.tokens}
                                        : value_of(example[0], false));
  graph_.input_shape = example[0].shape();
  graph_.input_layout = example[0].layout();
  graph_.output_shape = output.shape();
  graph_.output_layout = output.layout();
  if (of_sequences_)
    for (size_t i = 0; i < example.size(); ++i) inputs_[example[i].id()] = static_cast<int>(i);
  else
    values_[example[0].id()] = {0, true};
  for (const TracedOp& op : ops)
    if (!is_constant(op)) lower(op);
  graph_.output = find(output, "the model").value;
  require(of_sequences_ || graph_.values[static_cast<size_t>(graph_.output)].tokens == 0,
          "[plan] a model of images must end in one value for each, such as that of its first "
          "token; got ",
          output, ", of all tokens. Run the model itself.");
  for (GraphNode& node : graph_.nodes)
    if (node.kind == Kind::attention) node.heads.needed = needed_heads(node);
  require(graph_.span_lengths < 0 || ops.back().output.id() == output.id(),
          "[plan] span_scores must be the model's last op; got ops after it.");
}

GraphLowering::Reference GraphLowering::find_part(const Tensor& tensor,
                                                  const std::string& reader) const {
  const auto it = values_.find(tensor.id());
  require(it != values_.end(), "[plan] the input ", tensor, " of ", reader,
          " must come from the model's input through traced ops; got one that does not.");
  Reference out = it->second;
  out.exclusive = out.exclusive && uses_.at(tensor.id()) == 1;
  return out;
}

GraphLowering::Reference GraphLowering::find(const Tensor& tensor,
                                             const std::string& reader) const {
  const Reference out = find_part(tensor, reader);
  require(out.features == 0 && !out.planes,
          "[plan] only attention and rotary positions read a slice of features, and only a "
          "transpose to tokens the planes of images; got one as the input ",
          tensor, " of ", reader, ".");
  return out;
}

GraphValue GraphLowering::extents(const Reference& reference) const {
  GraphValue out = graph_.values[static_cast<size_t>(reference.value)];
  if (reference.features > 0) out.c = reference.features;
  return out;
}

GraphValue GraphLowering::value(const TracedOp& op) const {
  const bool reads_tokens = std::ranges::any_of(op.inputs, [&](const Tensor& input) {
    const auto it = input.defined() ? values_.find(input.id()) : values_.end();
    return it != values_.end() && extents(it->second).tokens > 0;
  });
  return value_of(op.output, of_sequences_ || reads_tokens);
}

bool GraphLowering::is_constant(const TracedOp& op) const {
  return std::ranges::none_of(op.inputs, [&](const Tensor& input) {
    return input.defined() && (values_.contains(input.id()) || inputs_.contains(input.id()));
  });
}

GraphNode& GraphLowering::append(const TracedOp& op, Kind kind, int x, const GraphValue& y) {
  GraphNode node;
  node.kind = kind;
  node.op = op.op;
  node.x = x;
  node.y = static_cast<int>(graph_.values.size());
  const bool changes_rows = kind == Kind::token || kind == Kind::patches;
  require(changes_rows || graph_.values[static_cast<size_t>(x)].tokens == y.tokens, "[plan] ",
          op.op, " must keep the tokens of its sequences; got ", op.inputs[0], " to ", op.output,
          ".");
  graph_.values.push_back(y);
  producer_[node.y] = static_cast<int>(graph_.nodes.size());
  alias(op.output, {node.y, true});
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back();
}

GraphNode* GraphLowering::sole_producer(const TracedOp& op, size_t i) {
  const Reference reference = find(op.inputs[i], op.op);
  const auto it = producer_.find(reference.value);
  if (!reference.exclusive || it == producer_.end()) return nullptr;
  GraphNode& node = graph_.nodes[static_cast<size_t>(it->second)];
  return graph_.values[static_cast<size_t>(node.y)] == value(op) ? &node : nullptr;
}

void GraphLowering::lower_product(const TracedOp& op) {
  const Tensor& weight = op.inputs[1];
  require(weight.dtype() == DType::f32, "[plan] weights must be f32; got ", weight, ".");
  GraphNode& node = append(op, Kind::conv2d);
  node.weight = weight.to(Device{}).detach();
  if (op.inputs[2].defined()) node.bias = op.inputs[2].to(Device{}).detach();
  if (op.op == "conv2d") node.conv = std::any_cast<const Conv2dOptions&>(op.attributes);
  const auto name = names_.find(weight.id());
  if (name == names_.end()) return;
  node.weight_name = name->second;
  const auto tiles = tiles_.find(node.weight_name);
  if (tiles == tiles_.end()) return;
  node.tiles = tiles->second;
  node.weight = unpack(tiles->second);
}

void GraphLowering::lower_batch_norm(const TracedOp& op) {
  const auto [scale, shift] = scale_and_shift(op);
  GraphNode* const before = sole_producer(op, 0);
  if (before != nullptr && before->kind == Kind::conv2d && before->other < 0 &&
      before->activation == Activation::none) {
    fold(scale, shift, *before);
    return alias(op.output, {before->y, true});
  }
  GraphNode& node = append(op, Kind::affine);
  node.scale = scale;
  node.bias = shift;
}

void GraphLowering::lower_activation(const TracedOp& op, Activation activation) {
  GraphNode* const before = sole_producer(op, 0);
  const bool stores_activated =
      before != nullptr && before->activation == Activation::none &&
      (before->kind == Kind::conv2d || before->kind == Kind::affine || before->kind == Kind::add);
  if (stores_activated) {
    before->activation = activation;
    return alias(op.output, {before->y, true});
  }
  append(op, Kind::activation).activation = activation;
}

void GraphLowering::lower_add(const TracedOp& op) {
  if (merge_embeddings(op)) return;
  require(op.inputs[0].shape() == op.inputs[1].shape(), "[plan] sums must be of equal shapes; got ",
          op.inputs[0], " and ", op.inputs[1], ".");
  const int a = find(op.inputs[0], op.op).value, b = find(op.inputs[1], op.op).value;
  // The operand made last takes the other one, which is there by then, as its residual.
  const size_t last = a > b ? 0 : 1;
  GraphNode* const before = a == b ? nullptr : sole_producer(op, last);
  if (before != nullptr && before->kind == Kind::conv2d && before->other < 0 &&
      before->activation == Activation::none) {
    before->other = last == 0 ? b : a;
    return alias(op.output, {before->y, true});
  }
  append(op, Kind::add).other = b;
}

void GraphLowering::lower_pool(const TracedOp& op) {
  if (op.op == "max_pool2d") {
    auto options = std::any_cast<MaxPool2dOptions>(op.attributes);
    int x = find(op.inputs[0], op.op).value;
    if (std::exchange(options.relu, false)) {
      const GraphValue extents = graph_.values[static_cast<size_t>(x)];
      GraphNode& before = append(op, Kind::activation, x, extents);
      before.activation = Activation::relu;
      x = before.y;
    }
    append(op, Kind::max_pool2d, x, value(op)).max_pool = options;
    return;
  }
  GraphNode& node = append(op, Kind::mean_pool2d);
  const GraphValue& x = graph_.values[static_cast<size_t>(node.x)];
  if (op.op == "avg_pool2d") {
    const auto& o = std::any_cast<const AvgPool2dOptions&>(op.attributes);
    node.rows = PoolAxis::sliding(x.h, o.kernel[0], o.stride[0], o.padding[0], o.count_include_pad);
    node.columns =
        PoolAxis::sliding(x.w, o.kernel[1], o.stride[1], o.padding[1], o.count_include_pad);
  } else {
    const auto& o = std::any_cast<const AdaptiveAvgPool2dOptions&>(op.attributes);
    node.rows = PoolAxis::parts(x.h, o.output[0]);
    node.columns = PoolAxis::parts(x.w, o.output[1]);
  }
}

void GraphLowering::lower_reshape(const TracedOp& op) {
  const Reference x = find_part(op.inputs[0], op.op);
  const GraphValue from = extents(x);
  if (from.tokens == 0 && op.output.shape() == Shape{op.inputs[0].dim(0), from.c, from.h * from.w})
    return alias(op.output, {.value = x.value, .exclusive = x.exclusive, .planes = true});
  const GraphValue to = value(op);
  if (from == to) return alias(op.output, x);
  const bool flattens = x.features == 0 && to.h * to.w == 1 && to.c == from.c * from.h * from.w &&
                        op.output.dim(0) == op.inputs[0].dim(0);
  require(flattens && from.tokens == 0 && !x.planes,
          "[plan] a reshape must flatten [N, C, H, W] to [N, C*H*W] or [N, C, H*W], or split the "
          "features of a sequence; got ",
          op.inputs[0].shape(), " to ", op.output.shape(), ".");
  append(op, Kind::flatten);
}

void GraphLowering::lower_softmax(const TracedOp& op, Kind kind) {
  const auto& options = std::any_cast<const SoftmaxOptions&>(op.attributes);
  require(options.axis == 1 && op.output.rank() == 2,
          "[plan] softmax must run over the last axis of [N, K]; got axis ", options.axis, " of ",
          op.output.shape(), ".");
  append(op, kind);
}

void GraphLowering::lower(const TracedOp& op) {
  using Self = GraphLowering;
  static const std::map<std::string_view, std::function<void(Self&, const TracedOp&)>> kTable{
      {"conv2d", &Self::lower_product},
      {"linear", &Self::lower_product},
      {"batch_norm", &Self::lower_batch_norm},
      {"relu", [](Self& s, const TracedOp& o) { s.lower_activation(o, Activation::relu); }},
      {"gelu",
       [](Self& s, const TracedOp& o) {
         const bool exact = std::any_cast<GeluForm>(o.attributes) == GeluForm::exact;
         s.lower_activation(o, exact ? Activation::gelu : Activation::gelu_tanh);
       }},
      {"silu", [](Self& s, const TracedOp& o) { s.lower_activation(o, Activation::silu); }},
      {"sigmoid", [](Self& s, const TracedOp& o) { s.append(o, Kind::sigmoid); }},
      {"tanh", [](Self& s, const TracedOp& o) { s.append(o, Kind::tanh); }},
      {"add", &Self::lower_add},
      {"max_pool2d", &Self::lower_pool},
      {"avg_pool2d", &Self::lower_pool},
      {"adaptive_avg_pool2d", &Self::lower_pool},
      {"reshape", &Self::lower_reshape},
      {"to_layout",
       [](Self& s, const TracedOp& o) {
         s.alias(o.output, s.find(o.inputs[0], o.op));  // values have one order of their own
       }},
      {"softmax", [](Self& s, const TracedOp& o) { s.lower_softmax(o, Kind::softmax); }},
      {"log_softmax", [](Self& s, const TracedOp& o) { s.lower_softmax(o, Kind::log_softmax); }},
      {"embedding", &Self::lower_embedding},
      {"layer_norm", &Self::lower_row_norm},
      {"rms_norm", &Self::lower_row_norm},
      {"attention", &Self::lower_attention},
      {"packed_attention", &Self::lower_attention},
      {"rotary", &Self::lower_rotary},
      {"swiglu", &Self::lower_swiglu},
      {"slice", &Self::lower_slice},
      {"transpose", &Self::lower_transpose},
      {"concat", &Self::lower_concat},
      {"span_scores", &Self::lower_span_scores},
  };
  const auto it = kTable.find(op.op);
  if (it == kTable.end())
    fail("[plan] inference plans know convolutions, linear layers, norms, pooling, activations, ",
         "sums, flatten, softmax, embeddings, patches, rotary positions, swiglu and attention; ",
         "got the op '", op.op, "' with output ", op.output, ".");
  it->second(*this, op);
}

namespace {

Graph traced(Module& model, const std::vector<Tensor>& inputs,
             const std::map<std::string, TileMatrix>& tiles) {
  const NoGrad no_grad;
  const bool was_training = model.training();
  model.set_training(false);
  const Trace trace;
  const Tensor output = model.forward_batch(inputs);
  if (was_training) model.set_training(true);
  return GraphLowering(model, tiles, inputs, output, taken_apart(trace.ops())).take();
}

}  // namespace

std::vector<int> GraphNode::operands() const {
  std::vector<int> out;
  for (const int value : {x, other, third})
    if (value >= 0 && std::ranges::find(out, value) == out.end()) out.push_back(value);
  return out;
}

bool Graph::has_sequences() const {
  return std::ranges::any_of(values, [](const GraphValue& v) { return v.tokens > 0; });
}

Graph make_graph(Module& model, const Tensor& example,
                 const std::map<std::string, TileMatrix>& tiles) {
  require(
      example.dtype() == DType::f32 &&
          ((example.rank() == 4 && example.layout() == Layout::nhwc) ||
           (example.rank() == 2 && example.layout() == Layout::row_major)) &&
          example.dim(0) >= 1,
      "[plan] the example must be f32, [N, C, H, W] nhwc or [N, K] row-major, with N >= 1; got ",
      example, ".");
  return traced(model, {example.detach()}, tiles);
}

Graph make_graph(Module& model, const std::vector<Tensor>& example,
                 const std::map<std::string, TileMatrix>& tiles) {
  require(!example.empty() && example[0].dtype() == DType::i64 && example[0].rank() == 2 &&
              example[0].numel() >= 1,
          "[plan] the first input of sequences must be ids, i64 [N, T] with N, T >= 1; got ",
          example.empty() ? Tensor{} : example[0], ".");
  std::vector<Tensor> inputs;
  for (const Tensor& tensor : example) inputs.push_back(tensor.detach());
  return traced(model, inputs, tiles);
}

}  // namespace tessera

#include "framework/infer/program.h"

#ifdef TESSERA_ONEDNN

#include <cstring>
#include <functional>
#include <unordered_map>
#include <utility>

#include "framework/backend/cpu.h"
#include "framework/backend/onednn.h"
#include "framework/infer/stopwatch.h"

namespace tessera {
namespace {

using dnnl::memory;
using Desc = memory::desc;
using Tag = memory::format_tag;
using Kind = GraphNode::Kind;
using Arguments = std::unordered_map<int, memory>;

constexpr auto kF32 = memory::data_type::f32;
constexpr auto kInference = dnnl::prop_kind::forward_inference;
// Convolutions with fewer input channels read plain images, as the library's first-layer kernels
// for AVX-512 do. Those for AVX2 want planes; for plain images it has only its reference.
constexpr int64_t kBlockedChannels = 16;

dnnl::algorithm algorithm_of(Activation activation) {
  if (activation == Activation::relu) return dnnl::algorithm::eltwise_relu;
  if (activation == Activation::silu) return dnnl::algorithm::eltwise_swish;
  return activation == Activation::gelu ? dnnl::algorithm::eltwise_gelu_erf
                                        : dnnl::algorithm::eltwise_gelu_tanh;
}

/// swish is x sigmoid(alpha x).
float alpha_of(Activation activation) { return activation == Activation::silu ? 1 : 0; }

dnnl::primitive_attr attributes(Activation activation, bool sums = false) {
  dnnl::post_ops post;
  if (sums) post.append_sum(1.0f);
  const float alpha = alpha_of(activation);
  if (activation != Activation::none) post.append_eltwise(1.0f, algorithm_of(activation), alpha, 0);
  dnnl::primitive_attr out;
  out.set_post_ops(post);
  return out;
}

/// The graph in oneDNN's primitives; every value has memory of its own, but where a sum is made in
/// the memory of its residual.
class LibraryProgram : public Program {
 public:
  LibraryProgram(const Graph& graph, const PlanOptions& options)
      : graph_(graph), options_(options), images_(graph.input_shape[0]) {
    values_.resize(graph.values.size());
    last_reader_.resize(graph.values.size(), -1);
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      last_reader_[static_cast<size_t>(graph.nodes[i].x)] = static_cast<int>(i);
      if (graph.nodes[i].other >= 0)
        last_reader_[static_cast<size_t>(graph.nodes[i].other)] = static_cast<int>(i);
    }
    last_reader_[static_cast<size_t>(graph.output)] = static_cast<int>(graph.nodes.size());
    const bool image = graph.input_shape.rank() == 4;
    value(0) = allocate(Desc(dims(0, image), kF32, image ? Tag::nhwc : Tag::nc));
    for (const GraphNode& node : graph.nodes) {
      steps_.push_back(report_of(graph, node));
      add_node(node);
    }
    const bool image_out = graph.output_shape.rank() == 4;
    output_ = image_out ? converted(value(graph.output), plain_images(graph.output))
                        : matrix(graph.output);
    name_algorithm();
  }

  void run(const std::vector<Tensor>& inputs, int64_t first, int64_t count, Tensor& y) override {
    const Tensor& x = inputs[0];
    const auto row = [](const Tensor& t) { return t.nbytes() / std::max<int64_t>(t.dim(0), 1); };
    auto* const input = static_cast<std::byte*>(values_[0].get_data_handle());
    const auto used = static_cast<size_t>(count * row(x));
    std::memcpy(input, x.raw() + first * row(x), used);
    std::memset(input + used, 0, static_cast<size_t>(images_ * row(x)) - used);
    for (auto& [primitive, arguments] : calls_) primitive.execute(onednn_stream(), arguments);
    onednn_stream().wait();
    std::memcpy(y.raw() + first * row(y), output_.get_data_handle(),
                static_cast<size_t>(count * row(y)));
  }

 private:
  memory& value(int v) { return values_[static_cast<size_t>(v)]; }
  const GraphValue& extents(int v) const { return graph_.values[static_cast<size_t>(v)]; }
  memory::dims dims(int v, bool image) const {
    const GraphValue& e = extents(v);
    if (!image) return {images_, e.c * e.h * e.w};
    return {images_, e.c, e.h, e.w};
  }
  Desc plain_images(int v) const { return Desc(dims(v, true), kF32, Tag::nhwc); }
  Desc any_images(int v) const { return Desc(dims(v, true), kF32, Tag::any); }

  memory allocate(const Desc& desc) {
    workspace_bytes_ += static_cast<int64_t>(desc.get_size());
    memory out(desc, onednn_engine());
    std::memset(out.get_data_handle(), 0, desc.get_size());
    return out;
  }

  void call(const dnnl::primitive& primitive, Arguments arguments) {
    calls_.emplace_back(primitive, std::move(arguments));
  }

  /// The same values in another format: a reorder at run time where the formats differ.
  memory converted(memory from, const Desc& to) {
    if (from.get_desc() == to) return from;
    memory out = allocate(to);
    call(dnnl::reorder(from, out), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, out}});
    return out;
  }

  /// The value as a plain matrix [N, C*H*W], features in the order C, H, W.
  memory matrix(int v) {
    memory from = value(v);
    if (from.get_desc().dims().size() == 2)
      return converted(from, Desc(dims(v, false), kF32, Tag::nc));
    const memory plain = converted(from, Desc(dims(v, true), kF32, Tag::nchw));
    return memory(Desc(dims(v, false), kF32, Tag::nc), onednn_engine(), plain.get_data_handle());
  }

  /// The value with its axes for images, in the format that it has.
  memory images(int v) {
    memory from = value(v);
    if (from.get_desc().dims().size() == 4) return from;
    return memory(Desc(dims(v, true), kF32, Tag::nchw), onednn_engine(), from.get_data_handle());
  }

  /// Constant weights in the format that a primitive asks for, moved there now.
  memory constant(const Tensor& tensor, const Desc& from, const Desc& to) {
    memory source = onednn_memory(from, tensor.data<float>());
    memory out(to, onednn_engine());
    dnnl::reorder(source, out).execute(onednn_stream(), source, out);
    onednn_stream().wait();
    weight_bytes_ += static_cast<int64_t>(to.get_size());
    return out;
  }

  Tensor bias_of(const GraphNode& node) const {
    return node.bias.defined() ? node.bias : Tensor::zeros({node.weight.dim(0)});
  }

  void add_node(const GraphNode& node) {
    switch (node.kind) {
      case Kind::conv2d:
        return node.op == "linear" ? add_linear(node) : add_convolution(node);
      case Kind::max_pool2d:
      case Kind::mean_pool2d:
        return add_pool(node);
      case Kind::affine:
        return add_affine(node);
      case Kind::add:
        return add_sum(node.x, node.other, node.activation, node.y);
      case Kind::activation:
        return add_eltwise(node, algorithm_of(node.activation));
      case Kind::sigmoid:
        return add_eltwise(node, dnnl::algorithm::eltwise_logistic);
      case Kind::tanh:
        return add_eltwise(node, dnnl::algorithm::eltwise_tanh);
      case Kind::softmax:
      case Kind::log_softmax:
        return add_softmax(node);
      case Kind::flatten:
        value(node.y) = matrix(node.x);
        return;
      case Kind::embedding:
      case Kind::patches:
      case Kind::layer_norm:
      case Kind::rms_norm:
      case Kind::rotary:
      case Kind::swiglu:
      case Kind::attention:
      case Kind::token:
        break;
    }
    fail("[plan] this program runs images; got the op ", node.op, " of sequences.");
  }

  void add_convolution(const GraphNode& node);
  void add_linear(const GraphNode& node);
  void add_pool(const GraphNode& node);
  void add_affine(const GraphNode& node);
  void add_sum(int a, int b, Activation activation, int y);
  void add_eltwise(const GraphNode& node, dnnl::algorithm algorithm);
  void add_softmax(const GraphNode& node);
  void name_algorithm();

  const Graph graph_;
  const PlanOptions options_;
  int64_t images_;
  std::vector<memory> values_;
  std::vector<int> last_reader_;  // of a value: the node
  std::vector<std::pair<dnnl::primitive, Arguments>> calls_;
  memory output_;
};

/// A convolution's geometry in the library's terms.
struct ConvolutionShape {
  memory::dims stride, dilation, low, high, weight;

  ConvolutionShape(const GraphNode& node, const GraphValue& x, const GraphValue& y)
      : weight(node.weight.shape().begin(), node.weight.shape().end()) {
    const int64_t from[] = {x.h, x.w}, to[] = {y.h, y.w};
    for (size_t i = 0; i < 2; ++i) {
      const int64_t reach = node.conv.dilation[i] * (weight[2 + i] - 1) + 1;
      stride.push_back(node.conv.stride[i]);
      dilation.push_back(node.conv.dilation[i] - 1);
      low.push_back(node.conv.padding[i]);
      high.push_back((to[i] - 1) * node.conv.stride[i] + reach - from[i] - node.conv.padding[i]);
    }
    if (node.conv.groups == 1) return;
    weight[0] /= node.conv.groups;
    weight.insert(weight.begin(), node.conv.groups);
  }

  bool suits_winograd() const {
    return weight.size() == 4 && weight[2] == 3 && weight[3] == 3 && stride == memory::dims{1, 1} &&
           dilation == memory::dims{0, 0};
  }
};

void LibraryProgram::add_convolution(const GraphNode& node) {
  using Forward = dnnl::convolution_forward;
  const ConvolutionShape s(node, extents(node.x), extents(node.y));
  const memory x = images(node.x);
  const bool blocked = extents(node.x).c >= kBlockedChannels;
  const bool reads_plain = !blocked && cpu().isa() >= CpuIsa::avx512;
  const Desc x_desc = reads_plain ? x.get_desc() : any_images(node.x);
  const Desc weight_desc(s.weight, kF32, Tag::any);
  const Desc plain(s.weight, kF32, s.weight.size() == 5 ? Tag::goihw : Tag::oihw);
  const Desc bias_desc({node.weight.dim(0)}, kF32, Tag::a);
  const auto describe = [&](dnnl::algorithm algorithm, const dnnl::primitive_attr& attribute) {
    return Forward::primitive_desc(
        Forward::desc(kInference, algorithm, x_desc, weight_desc, bias_desc, any_images(node.y),
                      s.stride, s.dilation, s.low, s.high),
        attribute, onednn_engine());
  };
  const bool sums = node.other >= 0;
  const auto with_sum =
      describe(dnnl::algorithm::convolution_direct, attributes(node.activation, sums));
  // The sum is made in the residual's memory where nobody reads that again, as frameworks do.
  const int self = static_cast<int>(steps_.size()) - 1;
  const bool in_place = sums && last_reader_[static_cast<size_t>(node.other)] == self &&
                        node.other != 0 && value(node.other).get_desc() == with_sum.dst_desc();
  const auto attribute =
      attributes(sums && !in_place ? Activation::none : node.activation, in_place);
  std::vector<Forward::primitive_desc> candidates{
      describe(dnnl::algorithm::convolution_direct, attribute)};
  if (options_.winograd && blocked && s.suits_winograd()) try {
      const auto winograd = describe(dnnl::algorithm::convolution_winograd, attribute);
      if (!in_place || winograd.dst_desc() == with_sum.dst_desc()) candidates.push_back(winograd);
    } catch (const dnnl::error&) {  // the library has no such kernel for this shape
    }
  const memory bias = constant(bias_of(node), bias_desc, bias_desc);
  std::vector<Arguments> arguments;
  std::vector<std::function<void()>> contestants;
  std::vector<Forward> primitives;
  primitives.reserve(candidates.size());
  arguments.reserve(candidates.size());
  for (const auto& candidate : candidates) {
    primitives.emplace_back(candidate);
    arguments.push_back(
        {{DNNL_ARG_SRC, memory(candidate.src_desc(), onednn_engine())},
         {DNNL_ARG_WEIGHTS, constant(node.weight, plain, candidate.weights_desc())},
         {DNNL_ARG_BIAS, bias},
         {DNNL_ARG_DST, in_place ? value(node.other) : allocate(candidate.dst_desc())}});
    contestants.push_back([&, i = primitives.size() - 1] {
      primitives[i].execute(onednn_stream(), arguments[i]);
      onednn_stream().wait();
    });
  }
  size_t best = 0;
  if (candidates.size() > 1) {
    const auto ms = race(contestants);
    best = ms[1] < ms[0] ? 1 : 0;
    steps_.back().reason = concat("direct ", ms[0], " ms, Winograd ", ms[1], " ms");
  }
  arguments[best][DNNL_ARG_SRC] = converted(x, candidates[best].src_desc());
  value(node.y) = arguments[best][DNNL_ARG_DST];
  call(primitives[best], arguments[best]);
  if (sums && !in_place) add_sum(node.y, node.other, node.activation, node.y);
}

void LibraryProgram::add_linear(const GraphNode& node) {
  using Forward = dnnl::inner_product_forward;
  const memory x = matrix(node.x);
  const memory::dims weight_dims(node.weight.shape().begin(), node.weight.shape().end());
  const Desc bias_desc({weight_dims[0]}, kF32, Tag::a);
  const bool sums = node.other >= 0;
  const Forward::primitive_desc desc(
      Forward::desc(kInference, x.get_desc(), Desc(weight_dims, kF32, Tag::any), bias_desc,
                    Desc(dims(node.y, false), kF32, Tag::nc)),
      attributes(sums ? Activation::none : node.activation), onednn_engine());
  value(node.y) = allocate(desc.dst_desc());
  call(Forward(desc), {{DNNL_ARG_SRC, x},
                       {DNNL_ARG_WEIGHTS, constant(node.weight, Desc(weight_dims, kF32, Tag::ab),
                                                   desc.weights_desc())},
                       {DNNL_ARG_BIAS, constant(bias_of(node), bias_desc, bias_desc)},
                       {DNNL_ARG_DST, value(node.y)}});
  if (sums) add_sum(node.y, node.other, node.activation, node.y);
}

/// Windows of one extent, one stride and no padding, as the library's mean knows them.
bool is_uniform(const std::vector<PoolWindow>& windows) {
  const int64_t stride = windows.size() > 1 ? windows[1].begin - windows[0].begin : 1;
  for (size_t i = 0; i < windows.size(); ++i) {
    const PoolWindow& w = windows[i];
    if (w.begin != static_cast<int64_t>(i) * stride || w.end - w.begin != w.count ||
        w.count != windows[0].count)
      return false;
  }
  return true;
}

void LibraryProgram::add_pool(const GraphNode& node) {
  using Forward = dnnl::pooling_forward;
  const bool largest = node.kind == Kind::max_pool2d;
  const auto rows = largest ? std::vector<PoolWindow>{} : node.rows->windows();
  const auto columns = largest ? std::vector<PoolWindow>{} : node.columns->windows();
  require(largest || (is_uniform(rows) && is_uniform(columns)),
          "[plan] oneDNN averages over equal windows without padding; got others in ", node.op,
          ". Ask for the executor 'panels'.");
  const GraphValue &from = extents(node.x), &to = extents(node.y);
  memory::dims kernel, stride, low{0, 0}, high;
  if (largest) {
    kernel = {node.max_pool.kernel[0], node.max_pool.kernel[1]};
    stride = {node.max_pool.stride[0], node.max_pool.stride[1]};
    low = {node.max_pool.padding[0], node.max_pool.padding[1]};
  } else {
    const auto step = [](const std::vector<PoolWindow>& w) {
      return w.size() > 1 ? w[1].begin - w[0].begin : w[0].count;
    };
    kernel = {rows[0].count, columns[0].count};
    stride = {step(rows), step(columns)};
  }
  high = {std::max<int64_t>((to.h - 1) * stride[0] + kernel[0] - from.h - low[0], 0),
          std::max<int64_t>((to.w - 1) * stride[1] + kernel[1] - from.w - low[1], 0)};
  const memory x = images(node.x);
  const Forward::primitive_desc desc(
      Forward::desc(
          kInference,
          largest ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_exclude_padding,
          x.get_desc(), any_images(node.y), stride, kernel, low, high),
      onednn_engine());
  value(node.y) = allocate(desc.dst_desc());
  call(Forward(desc), {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, value(node.y)}});
}

void LibraryProgram::add_affine(const GraphNode& node) {
  using Forward = dnnl::batch_normalization_forward;
  using Flags = dnnl::normalization_flags;
  const memory x = images(node.x);
  const Forward::primitive_desc desc(
      Forward::desc(kInference, x.get_desc(), 0.0f,
                    Flags::use_global_stats | Flags::use_scale | Flags::use_shift),
      attributes(node.activation), onednn_engine());
  const int64_t channels = extents(node.x).c;
  const Desc vector({channels}, kF32, Tag::a);
  value(node.y) = allocate(desc.dst_desc());
  call(Forward(desc), {{DNNL_ARG_SRC, x},
                       {DNNL_ARG_MEAN, constant(Tensor::zeros({channels}), vector, vector)},
                       {DNNL_ARG_VARIANCE, constant(Tensor::full({channels}, 1), vector, vector)},
                       {DNNL_ARG_SCALE, constant(node.scale, vector, vector)},
                       {DNNL_ARG_SHIFT, constant(node.bias, vector, vector)},
                       {DNNL_ARG_DST, value(node.y)}});
}

void LibraryProgram::add_sum(int a, int b, Activation activation, int y) {
  const memory first = value(a);
  const bool image = first.get_desc().dims().size() == 4;
  const memory second = converted(image ? images(b) : matrix(b), first.get_desc());
  const dnnl::binary::primitive_desc desc(
      dnnl::binary::desc(dnnl::algorithm::binary_add, first.get_desc(), second.get_desc(),
                         first.get_desc()),
      attributes(activation), onednn_engine());
  if (y != a) value(y) = allocate(first.get_desc());
  call(dnnl::binary(desc),
       {{DNNL_ARG_SRC_0, first}, {DNNL_ARG_SRC_1, second}, {DNNL_ARG_DST, value(y)}});
}

void LibraryProgram::add_eltwise(const GraphNode& node, dnnl::algorithm algorithm) {
  using Forward = dnnl::eltwise_forward;
  const memory x = value(node.x);
  const Forward::primitive_desc desc(
      Forward::desc(kInference, algorithm, x.get_desc(), alpha_of(node.activation), 0),
      onednn_engine());
  value(node.y) = allocate(desc.dst_desc());
  call(Forward(desc), {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, value(node.y)}});
}

void LibraryProgram::add_softmax(const GraphNode& node) {
  const memory x = matrix(node.x);
  value(node.y) = allocate(x.get_desc());
  const Arguments arguments{{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, value(node.y)}};
  if (node.kind == Kind::softmax) {
    using Forward = dnnl::softmax_forward;
    call(Forward({Forward::desc(kInference, x.get_desc(), 1), onednn_engine()}), arguments);
  } else {
    using Forward = dnnl::logsoftmax_forward;
    call(Forward({Forward::desc(kInference, x.get_desc(), 1), onednn_engine()}), arguments);
  }
}

void LibraryProgram::name_algorithm() {
  for (StepReport& step : steps_) step.algorithm = step.weight.empty() ? "" : "oneDNN";
}

}  // namespace

std::unique_ptr<Program> make_library_program(const Graph& graph, const PlanOptions& options) {
  return std::make_unique<LibraryProgram>(graph, options);
}

}  // namespace tessera

#else

namespace tessera {

std::unique_ptr<Program> make_library_program(const Graph&, const PlanOptions&) {
  fail(
      "[plan] the executor 'library' needs oneDNN, which this build lacks. "
      "apt-get install libdnnl-dev, then configure again.");
}

}  // namespace tessera

#endif

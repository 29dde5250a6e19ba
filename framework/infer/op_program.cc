// The graph by the ops of framework/ops, on any device: cuDNN and cuBLASLt for dense products on a
// CUDA device, the row-gather product over the tiles for pruned ones where it is faster. There the
// whole of it is recorded as a CUDA graph.
#include <cstring>
#include <functional>

#include "framework/autograd/autograd.h"
#include "framework/backend/autotune.h"
#include "framework/backend/cuda_info.h"
#include "framework/backend/recorded_work.h"
#include "framework/core/device_memory.h"
#include "framework/infer/program.h"
#include "framework/infer/stopwatch.h"
#include "framework/ops/add.h"
#include "framework/ops/attention.h"
#include "framework/ops/cast.h"
#include "framework/ops/concat.h"
#include "framework/ops/conv2d_fused.h"
#include "framework/ops/flatten.h"
#include "framework/ops/gelu.h"
#include "framework/ops/layer_norm.h"
#include "framework/ops/linear.h"
#include "framework/ops/log_softmax.h"
#include "framework/ops/mul.h"
#include "framework/ops/relu.h"
#include "framework/ops/reshape.h"
#include "framework/ops/sigmoid.h"
#include "framework/ops/silu.h"
#include "framework/ops/slice.h"
#include "framework/ops/softmax.h"
#include "framework/ops/tanh.h"
#include "framework/sparse/tile_conv2d.h"

namespace tessera {
namespace {

using Kind = GraphNode::Kind;

// Products between two waits of a timing, so that waiting is a small part of it.
constexpr int kTimedRuns = 10;

bool is_image(const GraphValue& v) { return v.h * v.w > 1; }

/// Images first .. first + count of `from` over those from `to_first` on of `to`.
void copy_images(const Tensor& from, int64_t first, Tensor& to, int64_t to_first, int64_t count) {
  const int64_t bytes = from.dim(0) == 0 ? 0 : from.nbytes() / from.dim(0);
  const std::byte* const source = from.raw() + first * bytes;
  std::byte* const target = to.raw() + to_first * bytes;
  if constexpr (kCudaBuild)
    if (!from.device().is_cpu() || !to.device().is_cpu())
      return device_memory::copy(to.device(), target, from.device(), source, count * bytes);
  std::memcpy(target, source, static_cast<size_t>(count * bytes));
}

Tensor activated(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu(x, GeluForm::tanh);
    case Activation::silu:
      return silu(x);
  }
  return x;
}

class OpProgram : public Program {
 public:
  OpProgram(const Graph& graph, const PlanOptions& options, Device device)
      : graph_(graph),
        options_(options),
        device_(device),
        dtype_(options.dtype),
        images_(graph.input_shape[0]) {
    const NoGrad no_grad;
    require(dtype_ == DType::f32 || (dtype_ == DType::bf16 && !device.is_cpu()),
            "[plan] activations are f32, or bf16 on a CUDA device; got ", dtype_, " on ", device,
            ".");
    values_.resize(graph_.values.size());
    find_last_readers();
    // A plan is chosen by time anyhow, and its dense side must be the fastest there is.
    const AutotuneScope measured(device);
    input_ = Tensor::zeros(graph.input_shape, {DType::f32, graph.input_layout, device});
    values_[0] = cast(input_, dtype_);
    for (const GraphNode& node : graph_.nodes) {
      steps_.push_back(report_of(graph_, node));
      run_.push_back(node.kind == Kind::conv2d ? product(node, steps_.back()) : pass(node));
      run_.back()();  // so that the measurements of later steps have their inputs
    }
    for (const Tensor& value : values_) workspace_bytes_ += value.defined() ? value.nbytes() : 0;
    forget_values();
    record();
  }

  void run(const std::vector<Tensor>& inputs, int64_t first, int64_t count, Tensor& y) override {
    const NoGrad no_grad;
    copy_images(inputs[0], first, input_, 0, count);
    if (graph_work_ != nullptr)
      graph_work_->replay();
    else
      run_steps();
    copy_images(output_, 0, y, first, count);
  }

 private:
  using Step = std::function<void()>;

  const GraphValue& extents(int v) const { return graph_.values[static_cast<size_t>(v)]; }
  Tensor& value(int v) { return values_[static_cast<size_t>(v)]; }

  int64_t rows(int v) const { return graph_.rows(v, images_, graph_.tokens); }
  Tensor empty_value(int v) const {
    const GraphValue& e = extents(v);
    return Tensor::empty({rows(v), e.c, e.h, e.w}, {dtype_, Layout::nhwc, device_});
  }
  /// The value under the shape that a product of a matrix, of images or of tokens takes.
  Tensor matrix(int v) { return value(v).alias({rows(v), extents(v).c}); }
  Tensor image(int v) {
    const GraphValue& e = extents(v);
    return value(v).alias({rows(v), e.c, e.h, e.w}, Layout::nhwc);
  }
  Tensor sequences(int v) { return value(v).alias({images_, graph_.tokens, extents(v).c}); }
  /// The value as softmax() and the model's output have it: a matrix where it has no extent.
  Tensor natural(int v) { return is_image(extents(v)) ? image(v) : matrix(v); }

  Step product(const GraphNode& node, StepReport& report);
  Step dense_product(const GraphNode& node);
  Step sparse_product(const GraphNode& node);
  Step pass(const GraphNode& node);
  Step affine(const GraphNode& node);
  Step mean_pool(const GraphNode& node);
  Step patches(const GraphNode& node);
  Step attend(const GraphNode& node);
  double timed(const Step& sparse, const Step& dense, StepReport& report) const;

  void run_steps() {
    value(0) = cast(input_, dtype_);
    for (size_t i = 0; i < run_.size(); ++i) {
      run_[i]();
      for (const int v : read_last_by_[i]) value(v) = {};
    }
    output_ = cast(natural(graph_.output), DType::f32);
    forget_values();
  }
  void forget_values() { values_.assign(values_.size(), {}); }
  void find_last_readers() {
    std::vector<int> last(values_.size(), -1);
    for (size_t i = 0; i < graph_.nodes.size(); ++i)
      for (const int v : graph_.nodes[i].operands())
        last[static_cast<size_t>(v)] = static_cast<int>(i);
    read_last_by_.resize(graph_.nodes.size());
    for (size_t v = 0; v < last.size(); ++v)
      if (last[v] >= 0 && static_cast<int>(v) != graph_.output)
        read_last_by_[static_cast<size_t>(last[v])].push_back(static_cast<int>(v));
  }
  void record() {
    if constexpr (kCudaBuild)
      if (!device_.is_cpu()) graph_work_ = record_work(device_, [this] { run_steps(); });
  }

  const Graph graph_;
  const PlanOptions options_;
  const Device device_;
  const DType dtype_;
  const int64_t images_;
  Tensor input_, output_;  // f32; what the recorded steps read and write
  std::vector<Tensor> values_;
  std::vector<Step> run_;
  std::vector<std::vector<int>> read_last_by_;  // of a step: the values that nobody reads later
  std::unique_ptr<RecordedWork> graph_work_;
};

/// A convolution or linear layer: over the tiles, or dense where that is faster.
OpProgram::Step OpProgram::product(const GraphNode& node, StepReport& report) {
  report.algorithm = "dense";
  const int64_t dense_bytes = node.weight.numel() * size_of(dtype_);
  if (!node.tiles || options_.dense_only || node.tiles->has_remainder()) {
    report.reason = !node.tiles           ? "not pruned"
                    : options_.dense_only ? "asked for"
                                          : "single weights run dense here";
    weight_bytes_ += dense_bytes;
    return dense_product(node);
  }
  const Step sparse = sparse_product(node);
  if (options_.executor == Executor::ops) {
    report.reason = "asked for";
  } else if (const Step dense = dense_product(node);
             timed(sparse, dense, report) < kClearlyFaster) {
    weight_bytes_ += dense_bytes;
    return dense;
  }
  report.algorithm = "sparse";
  weight_bytes_ += node.tiles->stored() * size_of(dtype_);
  return sparse;
}

/// Fills the report in; the dense time over the sparse one.
double OpProgram::timed(const Step& sparse, const Step& dense, StepReport& report) const {
  const auto several = [this](const Step& step) {
    return [this, &step] {
      for (int i = 0; i < kTimedRuns; ++i) step();
      if constexpr (kCudaBuild) synchronize(device_);
    };
  };
  const auto ms = race({several(sparse), several(dense)});
  report.sparse_ms = ms[0] / kTimedRuns;
  report.dense_ms = ms[1] / kTimedRuns;
  report.reason =
      "sparse " + milliseconds(report.sparse_ms) + ", dense " + milliseconds(report.dense_ms);
  return report.dense_ms / report.sparse_ms;
}

OpProgram::Step OpProgram::dense_product(const GraphNode& node) {
  Tensor weight = node.weight.to(dtype_).to(device_);
  const Tensor bias = node.bias.defined() ? node.bias.to(dtype_).to(device_) : Tensor{};
  const bool is_linear = weight.rank() == 2;
  // Once, not in each run: the weight in the order that convolutions read.
  if (!is_linear)
    on_backend("conv2d", device_,
               [&](auto& backend) { weight = conv2d_filters(backend, weight, dtype_); });
  return [this, node_x = node.x, node_y = node.y, other = node.other, conv = node.conv,
          activation = node.activation, is_linear, weight, bias] {
    const bool relu = activation == Activation::relu;
    Tensor y;
    if (is_linear) {
      y = linear(matrix(node_x), weight, bias, {.relu = relu && other < 0});
      if (other >= 0) y = add(y, value(other).alias(y.shape(), y.layout()));
    } else {
      y = empty_value(node_y);
      const Tensor residual = other >= 0 ? value(other).alias(y.shape(), y.layout()) : Tensor{};
      on_backend("conv2d", device_, [&](auto& backend) {
        conv2d_fused_forward(backend, image(node_x), weight, {bias, residual, relu}, conv, y);
      });
    }
    const bool is_done = relu && (!is_linear || other < 0);
    value(node_y) = is_done ? y : activated(activation, y);
  };
}

OpProgram::Step OpProgram::sparse_product(const GraphNode& node) {
  const GraphValue& x = extents(node.x);
  const auto weight = std::make_shared<const TileConv2d>(
      make_tile_conv2d(*node.tiles, node.bias, node.conv, x.h, x.w, device_, dtype_));
  return [this, node_x = node.x, node_y = node.y, other = node.other, activation = node.activation,
          weight] {
    Tensor y = empty_value(node_y);
    const Tensor residual = other >= 0 ? value(other) : Tensor{};
    on_backend("tile_conv2d", device_, [&](auto& backend) {
      tile_conv2d_forward(backend, *weight, value(node_x), residual, activation, y);
    });
    value(node_y) = y;
  };
}

OpProgram::Step OpProgram::affine(const GraphNode& node) {
  const Tensor scale = node.scale.to(dtype_).to(device_);
  const Tensor shift = node.bias.to(dtype_).to(device_);
  return [this, node_x = node.x, node_y = node.y, activation = node.activation, scale, shift] {
    const Shape channels{1, extents(node_x).c, 1, 1};
    const auto per_channel = [&](const Tensor& vector) {
      return vector.alias(channels, Layout::nhwc);
    };
    const Tensor y = add(mul(image(node_x), per_channel(scale)), per_channel(shift));
    value(node_y) = activated(activation, y);
  };
}

OpProgram::Step OpProgram::mean_pool(const GraphNode& node) {
  return [this, node_x = node.x, node_y = node.y, rows = *node.rows, columns = *node.columns] {
    Tensor y = empty_value(node_y);
    on_backend("avg_pool2d", device_, [&](auto& backend) {
      window_mean_forward(backend, image(node_x), rows, columns, y);
    });
    value(node_y) = y;
  };
}

OpProgram::Step OpProgram::patches(const GraphNode& node) {
  const int64_t lead = node.token, features = extents(node.y).c;
  Tensor table = Tensor::zeros({1, graph_.tokens, features});
  for (const GraphNode::Lookup& lookup : node.lookups)
    table = add(table, lookup.table.alias(table.shape()));
  table = table.to(dtype_).to(device_);
  const Tensor none =
      Tensor::zeros({images_, lead, features}, {.dtype = dtype_, .device = device_});
  return [this, node_x = node.x, node_y = node.y, lead, features, table, none] {
    // Images lie as nhwc: their pixels are tokens already.
    const Tensor pixels = value(node_x).alias({images_, graph_.tokens - lead, features});
    value(node_y) = add(lead > 0 ? concat({none, pixels}, 1) : pixels, table);
  };
}

OpProgram::Step OpProgram::attend(const GraphNode& node) {
  const GraphNode::Heads& h = node.heads;
  require(h.lengths < 0, "[plan] this program runs images; got attention with lengths.");
  const auto part = [this, h](int v, int64_t first) {
    const Tensor features = slice(sequences(v), 2, first, first + h.count * h.dim);
    return features.alias({images_, graph_.tokens, h.count, h.dim});
  };
  const AttentionOptions options{.causal = h.causal, .scale = h.scale, .training = false};
  return [this, q = node.x, k = node.other, v = node.third, y = node.y, h, part, options] {
    value(y) =
        attention(part(q, h.q_offset), part(k, h.k_offset), part(v, h.v_offset), {}, options);
  };
}

OpProgram::Step OpProgram::pass(const GraphNode& node) {
  const int x = node.x, other = node.other, to = node.y;
  const Activation activation = node.activation;
  switch (node.kind) {
    case Kind::max_pool2d:
      return [=, this, options = node.max_pool] { value(to) = max_pool2d(image(x), options); };
    case Kind::mean_pool2d:
      return mean_pool(node);
    case Kind::affine:
      return affine(node);
    case Kind::add:
      return [=, this] { value(to) = activated(activation, add(natural(x), natural(other))); };
    case Kind::activation:
      return [=, this] { value(to) = activated(activation, value(x)); };
    case Kind::sigmoid:
      return [=, this] { value(to) = sigmoid(value(x)); };
    case Kind::tanh:
      return [=, this] { value(to) = tanh(value(x)); };
    case Kind::softmax:
      return [=, this] { value(to) = softmax(cast(matrix(x), DType::f32), 1); };
    case Kind::log_softmax:
      return [=, this] { value(to) = log_softmax(cast(matrix(x), DType::f32), 1); };
    case Kind::flatten:
      return [=, this] { value(to) = flatten(image(x)); };
    case Kind::patches:
      return patches(node);
    case Kind::attention:
      return attend(node);
    case Kind::layer_norm:
      return [=, this, scale = node.scale.to(device_),
              shift = node.bias.defined() ? node.bias.to(device_) : Tensor{},
              epsilon = double{node.epsilon}] {
        value(to) = layer_norm(matrix(x), scale, shift, epsilon);
      };
    case Kind::token:
      return
          [=, this, token = node.token] { value(to) = slice(sequences(x), 1, token, token + 1); };
    case Kind::conv2d:
    case Kind::embedding:
    case Kind::rms_norm:
    case Kind::rotary:
    case Kind::swiglu:
      break;
  }
  fail("[plan] passes of this program are those of images; got the op ", node.op, ".");
}

}  // namespace

std::unique_ptr<Program> make_op_program(const Graph& graph, const PlanOptions& options,
                                         Device device) {
  return std::make_unique<OpProgram>(graph, options, device);
}

}  // namespace tessera

#include "framework/ops/conv2d_onednn.h"

#include <array>
#include <unordered_map>

#include "framework/backend/onednn.h"
#include "framework/backend/plan_cache.h"

namespace tessera {
namespace {

using Dims = dnnl::memory::dims;
using Desc = dnnl::memory::desc;
using Memory = dnnl::memory;
using Tag = dnnl::memory::format_tag;

constexpr auto kF32 = dnnl::memory::data_type::f32;

enum class Pass { forward, backward_input, backward_weight };

/// How a pass runs. The choice depends on shapes only, so that a run can be repeated bit by bit.
enum class Method {
  direct,          ///< on nhwc
  direct_blocked,  ///< on the library's blocked format, x and y converted
  winograd,        ///< F(4x4, 3x3) of Lavin and Gray (2015), on the blocked format
};

/// One convolution: x, weight and y by shape.
struct Problem {
  Shape x, weight, y;
  Conv2dOptions options;
  bool has_bias = false;

  // What a primitive depends on, the threads included.
  using Key = std::array<int64_t, 22>;
  Key key(Pass pass, int threads) const {
    Key key{};
    auto out = key.begin();
    for (const Shape* shape : {&x, &weight, &y}) out = std::copy(shape->begin(), shape->end(), out);
    for (const auto& pair : {options.stride, options.padding, options.dilation})
      out = std::copy(pair.begin(), pair.end(), out);
    for (const int64_t value : {options.groups, int64_t{has_bias}, static_cast<int64_t>(pass),
                                static_cast<int64_t>(threads)})
      *out++ = value;
    return key;
  }
};

/// The fastest method, by measurements on the layers of ResNet-18 and VGG-16 (one core with
/// AVX-512, batch 128, conversions included): Winograd takes 0.5 to 0.7 of the direct method's time
/// on 3 x 3 kernels, unless its tiles of 4 x 4 outputs are mostly empty, or so few that the
/// transformed weights cost more than the products. Images of 4 x 4 and below leave the direct nhwc
/// forward kernel at a third to a half of the blocked one's speed.
Method method_for(Pass pass, const Problem& p) {
  constexpr int64_t kTile = 4, kMinTiles = 64;
  const auto is = [](const std::array<int64_t, 2>& pair, int64_t value) {
    return pair[0] == value && pair[1] == value;
  };
  const bool fills_vectors = p.options.groups == 1 && p.x[1] % 16 == 0 && p.y[1] % 16 == 0;
  if (!fills_vectors) return Method::direct;
  const int64_t P = p.y[2], Q = p.y[3];
  const int64_t tiles = p.y[0] * ((P + kTile - 1) / kTile) * ((Q + kTile - 1) / kTile);
  const int64_t outputs_per_tile = p.y[0] * P * Q / tiles;
  const bool suits_winograd = p.weight[2] == 3 && p.weight[3] == 3 && is(p.options.stride, 1) &&
                              is(p.options.dilation, 1) && tiles >= kMinTiles;
  if (suits_winograd && outputs_per_tile >= (pass == Pass::backward_weight ? 4 : 8))
    return Method::winograd;
  return pass == Pass::forward && Q <= kTile ? Method::direct_blocked : Method::direct;
}

/// One argument of a primitive: in our format, in the primitive's own, and the change between them.
struct PlacedOperand {
  Desc ours, own;
  dnnl::primitive reorder;
  bool reorders = false;
};

enum class Role { input, output };

PlacedOperand operand(const Desc& ours, const Desc& own, Role role) {
  PlacedOperand out{ours, own, {}, ours != own};
  if (!out.reorders) return out;
  const Desc& from = role == Role::input ? ours : own;
  const Desc& to = role == Role::input ? own : ours;
  out.reorder =
      dnnl::reorder(dnnl::reorder::primitive_desc(onednn_engine(), from, onednn_engine(), to));
  return out;
}

/// A primitive, and what to do around it.
struct Plan {
  dnnl::primitive convolution;
  PlacedOperand x, weight, y;
  Desc bias, scratchpad;
};

/// The problem in oneDNN's terms.
struct Described {
  Described(const Problem& p, Method method);

  Desc x, weight, y, bias;              // as stored by us
  Desc x_asked, weight_asked, y_asked;  // as asked from the primitive: it chooses `any`
  Dims stride, dilation, padding_low, padding_high;
  dnnl::algorithm algorithm;
};

Described::Described(const Problem& p, Method method)
    : algorithm(method == Method::winograd ? dnnl::algorithm::convolution_winograd
                                           : dnnl::algorithm::convolution_direct) {
  const Dims x_dims(p.x.begin(), p.x.end()), y_dims(p.y.begin(), p.y.end());
  Dims weight_dims(p.weight.begin(), p.weight.end());
  const bool grouped = p.options.groups > 1;
  if (grouped) {
    weight_dims[0] /= p.options.groups;
    weight_dims.insert(weight_dims.begin(), p.options.groups);
  }
  const Tag images = method == Method::direct ? Tag::nhwc : Tag::any;
  x = Desc(x_dims, kF32, Tag::nhwc);
  y = Desc(y_dims, kF32, Tag::nhwc);
  weight = Desc(weight_dims, kF32, grouped ? Tag::goihw : Tag::oihw);
  x_asked = Desc(x_dims, kF32, images);
  y_asked = Desc(y_dims, kF32, images);
  weight_asked = Desc(weight_dims, kF32, Tag::any);
  if (p.has_bias) bias = Desc(Dims{p.weight[0]}, kF32, Tag::a);
  for (size_t i = 0; i < 2; ++i) {
    const int axis = static_cast<int>(i) + 2;
    stride.push_back(p.options.stride[i]);
    dilation.push_back(p.options.dilation[i] - 1);
    padding_low.push_back(p.options.padding[i]);
    const int64_t reach = p.options.dilation[i] * (p.weight[axis] - 1) + 1;
    padding_high.push_back((p.y[axis] - 1) * p.options.stride[i] + reach - p.x[axis] -
                           p.options.padding[i]);
  }
}

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

dnnl::convolution_forward::primitive_desc forward_desc(const Described& d) {
  using Forward = dnnl::convolution_forward;
  constexpr auto kind = dnnl::prop_kind::forward_training;
  const auto desc =
      d.bias.is_zero()
          ? Forward::desc(kind, d.algorithm, d.x_asked, d.weight_asked, d.y_asked, d.stride,
                          d.dilation, d.padding_low, d.padding_high)
          : Forward::desc(kind, d.algorithm, d.x_asked, d.weight_asked, d.bias, d.y_asked, d.stride,
                          d.dilation, d.padding_low, d.padding_high);
  return {desc, own_scratchpad(), onednn_engine()};
}

Plan forward_plan(const Described& d) {
  const auto desc = forward_desc(d);
  return {dnnl::convolution_forward(desc),
          operand(d.x, desc.src_desc(), Role::input),
          operand(d.weight, desc.weights_desc(), Role::input),
          operand(d.y, desc.dst_desc(), Role::output),
          d.bias,
          desc.scratchpad_desc()};
}

Plan backward_input_plan(const Described& d) {
  const dnnl::convolution_backward_data::primitive_desc desc(
      {d.algorithm, d.x_asked, d.weight_asked, d.y_asked, d.stride, d.dilation, d.padding_low,
       d.padding_high},
      own_scratchpad(), onednn_engine(), forward_desc(d));
  return {dnnl::convolution_backward_data(desc),
          operand(d.x, desc.diff_src_desc(), Role::output),
          operand(d.weight, desc.weights_desc(), Role::input),
          operand(d.y, desc.diff_dst_desc(), Role::input),
          d.bias,
          desc.scratchpad_desc()};
}

Plan backward_weight_plan(const Described& d) {
  using Backward = dnnl::convolution_backward_weights;
  const auto described =
      d.bias.is_zero() ? Backward::desc(d.algorithm, d.x_asked, d.weight_asked, d.y_asked, d.stride,
                                        d.dilation, d.padding_low, d.padding_high)
                       : Backward::desc(d.algorithm, d.x_asked, d.weight_asked, d.bias, d.y_asked,
                                        d.stride, d.dilation, d.padding_low, d.padding_high);
  const Backward::primitive_desc desc(described, own_scratchpad(), onednn_engine(),
                                      forward_desc(d));
  return {Backward(desc),
          operand(d.x, desc.src_desc(), Role::input),
          operand(d.weight, desc.diff_weights_desc(), Role::output),
          operand(d.y, desc.diff_dst_desc(), Role::input),
          d.bias,
          desc.scratchpad_desc()};
}

Plan make_plan(Pass pass, const Problem& p) {
  const auto with = [&](Method method) {
    const Described described(p, method);
    if (pass == Pass::forward) return forward_plan(described);
    return pass == Pass::backward_input ? backward_input_plan(described)
                                        : backward_weight_plan(described);
  };
  const Method method = method_for(pass, p);
  if (method == Method::winograd) {
    try {
      return with(method);
    } catch (const dnnl::error&) {
      // No such kernel for this processor or padding: the direct method has one for all.
    }
  }
  return with(method == Method::winograd ? Method::direct : method);
}

/// Runs `make` or an execution, and turns the library's exceptions into ours, with the shapes.
template <class F>
auto guarded(const Problem& p, F&& call) {
  try {
    return call();
  } catch (const dnnl::error& error) {
    fail_runtime("[conv2d] oneDNN must run the convolution of x ", p.x, " with weight ", p.weight,
                 "; got '", error.what(), "' (status ", static_cast<int>(error.status), ").");
  }
}

std::shared_ptr<const Plan> plan_for(const Cpu& cpu, Pass pass, const Problem& p) {
  static PlanCache<Problem::Key, Plan> plans;
  return guarded(
      p, [&] { return plans.get(p.key(pass, cpu.threads()), [&] { return make_plan(pass, p); }); });
}

/// An operand's bytes during one call: ours, or a copy in the primitive's format.
class Bound {
 public:
  Bound(const PlacedOperand& operand, const std::byte* ours)
      : operand_(operand),
        ours_(onednn_memory(operand.ours, ours)),
        storage_(operand.reorders ? static_cast<int64_t>(operand.own.get_size()) : 0, Device{}),
        own_(operand.reorders ? onednn_memory(operand.own, storage_.data()) : ours_) {}

  const Memory& memory() const { return own_; }
  const Bound& read() {
    if (operand_.reorders) run(ours_, own_);
    return *this;
  }
  void write() {
    if (operand_.reorders) run(own_, ours_);
  }

 private:
  void run(Memory& from, Memory& to) {
    operand_.reorder.execute(onednn_stream(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }

  const PlacedOperand& operand_;
  Memory ours_;
  Storage storage_;
  Memory own_;
};

using Arguments = std::unordered_map<int, Memory>;

void execute(const Plan& plan, Arguments arguments) {
  Storage scratchpad(static_cast<int64_t>(plan.scratchpad.get_size()), Device{});
  arguments[DNNL_ARG_SCRATCHPAD] = onednn_memory(plan.scratchpad, scratchpad.data());
  plan.convolution.execute(onednn_stream(), arguments);
}

}  // namespace

void onednn_conv2d_forward(const Cpu& cpu, const Tensor& x, const Tensor& weight,
                           const Tensor& bias, const Conv2dOptions& options, Tensor& y) {
  const Problem p{x.shape(), weight.shape(), y.shape(), options, bias.defined()};
  const auto plan = plan_for(cpu, Pass::forward, p);
  guarded(p, [&] {
    Bound source(plan->x, x.raw()), filters(plan->weight, weight.raw()), target(plan->y, y.raw());
    Arguments arguments{{DNNL_ARG_SRC, source.read().memory()},
                        {DNNL_ARG_WEIGHTS, filters.read().memory()},
                        {DNNL_ARG_DST, target.memory()}};
    if (bias.defined()) arguments[DNNL_ARG_BIAS] = onednn_memory(plan->bias, bias.raw());
    execute(*plan, std::move(arguments));
    target.write();
  });
}

void onednn_conv2d_backward_input(const Cpu& cpu, const Tensor& dy, const Tensor& weight,
                                  const Conv2dOptions& options, Tensor& dx) {
  const Problem p{dx.shape(), weight.shape(), dy.shape(), options};
  const auto plan = plan_for(cpu, Pass::backward_input, p);
  guarded(p, [&] {
    Bound source(plan->y, dy.raw()), filters(plan->weight, weight.raw()), target(plan->x, dx.raw());
    execute(*plan, {{DNNL_ARG_DIFF_DST, source.read().memory()},
                    {DNNL_ARG_WEIGHTS, filters.read().memory()},
                    {DNNL_ARG_DIFF_SRC, target.memory()}});
    target.write();
  });
}

void onednn_conv2d_backward_weight(const Cpu& cpu, const Tensor& x, const Tensor& dy,
                                   const Conv2dOptions& options, Tensor& dweight, Tensor& dbias) {
  const Problem p{x.shape(), dweight.shape(), dy.shape(), options, dbias.defined()};
  const auto plan = plan_for(cpu, Pass::backward_weight, p);
  guarded(p, [&] {
    Bound source(plan->x, x.raw()), gradient(plan->y, dy.raw());
    Bound target(plan->weight, dweight.raw());
    Arguments arguments{{DNNL_ARG_SRC, source.read().memory()},
                        {DNNL_ARG_DIFF_DST, gradient.read().memory()},
                        {DNNL_ARG_DIFF_WEIGHTS, target.memory()}};
    if (dbias.defined()) arguments[DNNL_ARG_DIFF_BIAS] = onednn_memory(plan->bias, dbias.raw());
    execute(*plan, std::move(arguments));
    target.write();
  });
}

}  // namespace tessera

#include "framework/ops/conv2d_onednn.h"

#include <unordered_map>

#include "framework/backend/onednn.h"

namespace tessera {
namespace {

using Dims = dnnl::memory::dims;
using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

constexpr auto kF32 = dnnl::memory::data_type::f32;

// What a primitive depends on: x, weight, y, stride, padding, dilation, groups, bias, threads.
using Key = std::array<int64_t, 21>;

Key key_of(const Cpu& cpu, const Shape& x, const Shape& weight, const Shape& y,
           const Conv2dOptions& options, bool has_bias) {
  Key key{};
  auto out = key.begin();
  for (const Shape* shape : {&x, &weight, &y}) out = std::copy(shape->begin(), shape->end(), out);
  for (const auto& pair : {options.stride, options.padding, options.dilation})
    out = std::copy(pair.begin(), pair.end(), out);
  *out++ = options.groups;
  *out++ = has_bias;
  *out++ = cpu.threads();
  return key;
}

/// The problem in oneDNN's terms. `any` lets the primitive choose the format of the weights.
struct Problem {
  Desc x, weight, weight_any, bias, y;
  Dims stride, dilation, padding_low, padding_high;
};

Desc nhwc(const Shape& shape) { return {Dims(shape.begin(), shape.end()), kF32, Tag::nhwc}; }

Problem problem_of(const Shape& x, const Shape& weight, const Shape& y,
                   const Conv2dOptions& options, bool has_bias) {
  Problem p;
  p.x = nhwc(x);
  p.y = nhwc(y);
  const bool grouped = options.groups > 1;
  Dims dims(weight.begin(), weight.end());
  if (grouped) {
    dims[0] /= options.groups;
    dims.insert(dims.begin(), options.groups);
  }
  p.weight = Desc(dims, kF32, grouped ? Tag::goihw : Tag::oihw);
  p.weight_any = Desc(dims, kF32, Tag::any);
  if (has_bias) p.bias = Desc(Dims{weight[0]}, kF32, Tag::a);
  for (size_t i = 0; i < 2; ++i) {
    const int axis = static_cast<int>(i) + 2;
    p.stride.push_back(options.stride[i]);
    p.dilation.push_back(options.dilation[i] - 1);
    p.padding_low.push_back(options.padding[i]);
    const int64_t reach = options.dilation[i] * (weight[axis] - 1) + 1;
    p.padding_high.push_back((y[axis] - 1) * options.stride[i] + reach - x[axis] -
                             options.padding[i]);
  }
  return p;
}

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

/// A convolution primitive, and the change of its weights' format between ours and its own.
struct Plan {
  dnnl::primitive convolution, reorder;
  Desc x, y, bias, weight, weight_own, scratchpad;
  bool reorders = false;
};

/// `inwards`: from our format of the weights to the primitive's; otherwise back.
template <class PrimitiveDesc>
void add_reorder(Plan& plan, const PrimitiveDesc& desc, const Problem& p, const Desc& own,
                 bool inwards) {
  plan.x = p.x;
  plan.y = p.y;
  plan.bias = p.bias;
  plan.weight = p.weight;
  plan.weight_own = own;
  plan.scratchpad = desc.scratchpad_desc();
  plan.reorders = own != p.weight;
  if (!plan.reorders) return;
  const Desc& from = inwards ? p.weight : own;
  const Desc& to = inwards ? own : p.weight;
  plan.reorder =
      dnnl::reorder(dnnl::reorder::primitive_desc(onednn_engine(), from, onednn_engine(), to));
}

dnnl::convolution_forward::primitive_desc forward_desc(const Problem& p) {
  constexpr auto kind = dnnl::prop_kind::forward_training;
  constexpr auto direct = dnnl::algorithm::convolution_direct;
  const auto desc =
      p.bias.is_zero()
          ? dnnl::convolution_forward::desc(kind, direct, p.x, p.weight_any, p.y, p.stride,
                                            p.dilation, p.padding_low, p.padding_high)
          : dnnl::convolution_forward::desc(kind, direct, p.x, p.weight_any, p.bias, p.y, p.stride,
                                            p.dilation, p.padding_low, p.padding_high);
  return {desc, own_scratchpad(), onednn_engine()};
}

Plan forward_plan(const Problem& p) {
  const auto desc = forward_desc(p);
  Plan plan;
  plan.convolution = dnnl::convolution_forward(desc);
  add_reorder(plan, desc, p, desc.weights_desc(), true);
  return plan;
}

Plan backward_input_plan(const Problem& p) {
  const dnnl::convolution_backward_data::primitive_desc desc(
      {dnnl::algorithm::convolution_direct, p.x, p.weight_any, p.y, p.stride, p.dilation,
       p.padding_low, p.padding_high},
      own_scratchpad(), onednn_engine(), forward_desc(p));
  Plan plan;
  plan.convolution = dnnl::convolution_backward_data(desc);
  add_reorder(plan, desc, p, desc.weights_desc(), true);
  return plan;
}

Plan backward_weight_plan(const Problem& p) {
  using Backward = dnnl::convolution_backward_weights;
  constexpr auto direct = dnnl::algorithm::convolution_direct;
  const auto described = p.bias.is_zero()
                             ? Backward::desc(direct, p.x, p.weight_any, p.y, p.stride, p.dilation,
                                              p.padding_low, p.padding_high)
                             : Backward::desc(direct, p.x, p.weight_any, p.bias, p.y, p.stride,
                                              p.dilation, p.padding_low, p.padding_high);
  const Backward::primitive_desc desc(described, own_scratchpad(), onednn_engine(),
                                      forward_desc(p));
  Plan plan;
  plan.convolution = Backward(desc);
  add_reorder(plan, desc, p, desc.diff_weights_desc(), false);
  return plan;
}

using Plans = OnednnPlans<Key, Plan>;
using Arguments = std::unordered_map<int, dnnl::memory>;

/// Bytes for a format of the library's choice; nothing where `needed` is false.
struct Workspace {
  Workspace(const Desc& desc, bool needed = true)
      : storage(needed ? static_cast<int64_t>(desc.get_size()) : 0, Device{}),
        memory(onednn_memory(desc, storage.data())) {}
  Storage storage;
  dnnl::memory memory;
};

void reorder(const Plan& plan, dnnl::memory from, dnnl::memory to) {
  plan.reorder.execute(onednn_stream(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
}

/// Runs `call` and turns the library's exceptions into ours, with the shapes.
template <class F>
void guarded(const char* what, const Shape& x, const Shape& weight, F&& call) {
  try {
    call();
  } catch (const dnnl::error& error) {
    fail_runtime("[conv2d] oneDNN's ", what, " must succeed for x ", x, " and weight ", weight,
                 "; got '", error.what(), "' (status ", static_cast<int>(error.status), ").");
  }
}

}  // namespace

void onednn_conv2d_forward(const Cpu& cpu, const Tensor& x, const Tensor& weight,
                           const Tensor& bias, const Conv2dOptions& options, Tensor& y) {
  static Plans plans;
  guarded("forward convolution", x.shape(), weight.shape(), [&] {
    const auto plan =
        plans.get(key_of(cpu, x.shape(), weight.shape(), y.shape(), options, bias.defined()), [&] {
          return forward_plan(
              problem_of(x.shape(), weight.shape(), y.shape(), options, bias.defined()));
        });
    const Workspace own(plan->weight_own, plan->reorders), scratchpad(plan->scratchpad);
    auto weights = onednn_memory(plan->weight, weight.raw());
    if (plan->reorders) {
      reorder(*plan, weights, own.memory);
      weights = own.memory;
    }
    Arguments arguments{{DNNL_ARG_SRC, onednn_memory(plan->x, x.raw())},
                        {DNNL_ARG_WEIGHTS, weights},
                        {DNNL_ARG_DST, onednn_memory(plan->y, y.raw())},
                        {DNNL_ARG_SCRATCHPAD, scratchpad.memory}};
    if (bias.defined()) arguments[DNNL_ARG_BIAS] = onednn_memory(plan->bias, bias.raw());
    plan->convolution.execute(onednn_stream(), arguments);
  });
}

void onednn_conv2d_backward_input(const Cpu& cpu, const Tensor& dy, const Tensor& weight,
                                  const Conv2dOptions& options, Tensor& dx) {
  static Plans plans;
  guarded("backward convolution (data)", dx.shape(), weight.shape(), [&] {
    const auto plan =
        plans.get(key_of(cpu, dx.shape(), weight.shape(), dy.shape(), options, false), [&] {
          return backward_input_plan(
              problem_of(dx.shape(), weight.shape(), dy.shape(), options, false));
        });
    const Workspace own(plan->weight_own, plan->reorders), scratchpad(plan->scratchpad);
    auto weights = onednn_memory(plan->weight, weight.raw());
    if (plan->reorders) {
      reorder(*plan, weights, own.memory);
      weights = own.memory;
    }
    plan->convolution.execute(onednn_stream(),
                              {{DNNL_ARG_DIFF_DST, onednn_memory(plan->y, dy.raw())},
                               {DNNL_ARG_WEIGHTS, weights},
                               {DNNL_ARG_DIFF_SRC, onednn_memory(plan->x, dx.raw())},
                               {DNNL_ARG_SCRATCHPAD, scratchpad.memory}});
  });
}

void onednn_conv2d_backward_weight(const Cpu& cpu, const Tensor& x, const Tensor& dy,
                                   const Conv2dOptions& options, Tensor& dweight, Tensor& dbias) {
  static Plans plans;
  guarded("backward convolution (weights)", x.shape(), dweight.shape(), [&] {
    const bool has_bias = dbias.defined();
    const auto plan =
        plans.get(key_of(cpu, x.shape(), dweight.shape(), dy.shape(), options, has_bias), [&] {
          return backward_weight_plan(
              problem_of(x.shape(), dweight.shape(), dy.shape(), options, has_bias));
        });
    const Workspace own(plan->weight_own, plan->reorders), scratchpad(plan->scratchpad);
    const auto target = onednn_memory(plan->weight, dweight.raw());
    Arguments arguments{{DNNL_ARG_SRC, onednn_memory(plan->x, x.raw())},
                        {DNNL_ARG_DIFF_DST, onednn_memory(plan->y, dy.raw())},
                        {DNNL_ARG_DIFF_WEIGHTS, plan->reorders ? own.memory : target},
                        {DNNL_ARG_SCRATCHPAD, scratchpad.memory}};
    if (has_bias) arguments[DNNL_ARG_DIFF_BIAS] = onednn_memory(plan->bias, dbias.raw());
    plan->convolution.execute(onednn_stream(), arguments);
    if (plan->reorders) reorder(*plan, own.memory, target);
  });
}

}  // namespace tessera

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <vector>

#include "framework/backend/cudnn_plan.h"
#include "framework/backend/measure_cuda.h"
#include "framework/backend/plan_cache.h"
#include "framework/core/out_of_memory.h"
#include "framework/ops/conv2d_cudnn.h"

namespace tessera {
namespace {

constexpr const char* kOp = "conv2d";

// Above this a faster engine costs more memory than it is worth: the largest activations of
// ResNet-50 at batch 128 take as much.
constexpr int64_t kMaxWorkspace = int64_t{256} << 20;

// Engines that are measured for a shape, as many as PyTorch's benchmark mode takes.
constexpr size_t kMeasuredEngines = 10;

enum Uid : int64_t { kX = 1, kFilters, kY, kBias, kResidual, kFirstVirtual };

struct Problem {
  Conv2dPass pass;
  Shape x, filters, y;
  DType dtype;
  Conv2dOptions options;
  bool bias, residual, relu;  // what follows the convolution in the same graph

  bool is_plain() const { return !bias && !residual && !relu; }

  using Key = std::array<int64_t, 27>;
  Key key(const Cuda& cuda) const {
    Key key{};
    auto out = key.begin();
    for (const Shape* shape : {&x, &filters, &y})
      out = std::copy(shape->begin(), shape->end(), out);
    for (const auto& pair : {options.stride, options.padding, options.dilation})
      out = std::copy(pair.begin(), pair.end(), out);
    for (const int64_t value :
         {options.groups, static_cast<int64_t>(pass), static_cast<int64_t>(dtype), int64_t{bias},
          int64_t{residual}, int64_t{relu}, int64_t{cuda.autotune()}, int64_t{cuda.tf32()},
          int64_t{cuda.device().index}})
      *out++ = value;
    return key;
  }
};

std::ostream& operator<<(std::ostream& out, const Problem& p) {
  static constexpr std::array kNames{"forward", "backward by input", "backward by weight"};
  const Conv2dOptions& o = p.options;
  return out << kNames[static_cast<size_t>(p.pass)] << " of x " << p.dtype << p.x << ", weight "
             << p.filters << ", stride " << o.stride[0] << "x" << o.stride[1] << ", padding "
             << o.padding[0] << "x" << o.padding[1] << ", dilation " << o.dilation[0] << "x"
             << o.dilation[1] << ", groups " << o.groups << (p.bias ? ", bias" : "")
             << (p.residual ? ", residual" : "") << (p.relu ? ", relu" : "");
}

/// What the descriptors of a graph are called for a pass.
struct PassNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t convolution, alpha, beta, x, filters, y;
};

PassNames names_of(Conv2dPass pass) {
  switch (pass) {
    case Conv2dPass::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
    case Conv2dPass::backward_input:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
    case Conv2dPass::backward_weight:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
  }
  fail("[conv2d] the pass must be a known one; got ", static_cast<int>(pass), ".");
}

cudnnDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::bf16:
      return CUDNN_DATA_BFLOAT16;
    case DType::f16:
      return CUDNN_DATA_HALF;
    default:
      return CUDNN_DATA_FLOAT;
  }
}

CudnnDescriptor descriptor(cudnnBackendDescriptorType_t type) { return {kOp, type}; }

/// A tensor [a, b, c, d] whose second axis is contiguous: images, and filters in KRSC.
/// Virtual: a value inside the graph, in f32.
CudnnDescriptor tensor(int64_t uid, DType dtype, const Shape& shape) {
  constexpr int64_t kAlignment = 16;  // allocations are aligned to more
  const bool is_virtual = uid >= kFirstVirtual;
  CudnnDescriptor out = descriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const int64_t b = shape[1], c = shape[2], d = shape[3];
  out.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE,
          is_virtual ? CUDNN_DATA_FLOAT : type_of(dtype))
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, {shape.begin(), shape.end()})
      .set(CUDNN_ATTR_TENSOR_STRIDES, {b * c * d, 1, b * d, b})
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {uid})
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {kAlignment});
  if (is_virtual) out.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, true);
  out.finalize();
  return out;
}

CudnnDescriptor convolution(const Conv2dOptions& options) {
  const auto pair = [](const std::array<int64_t, 2>& values) {
    return std::vector<int64_t>(values.begin(), values.end());
  };
  CudnnDescriptor out = descriptor(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  out.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, pair(options.padding))
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, pair(options.padding))
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, pair(options.dilation))
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, pair(options.stride))
      .finalize();
  return out;
}

CudnnDescriptor convolution_operation(const Problem& p, const CudnnDescriptor& y) {
  const PassNames names = names_of(p.pass);
  CudnnDescriptor operation = descriptor(names.operation);
  operation.set(names.convolution, convolution(p.options))
      .set(names.x, tensor(kX, p.dtype, p.x))
      .set(names.filters, tensor(kFilters, p.dtype, p.filters))
      .set(names.y, y)
      .set(names.alpha, CUDNN_TYPE_FLOAT, 1.0f)
      .set(names.beta, CUDNN_TYPE_FLOAT, 0.0f)
      .finalize();
  return operation;
}

/// y = mode(x), or mode(x, other), element by element.
CudnnDescriptor pointwise(cudnnPointwiseMode_t mode, const CudnnDescriptor& x,
                          const CudnnDescriptor* other, const CudnnDescriptor& y) {
  CudnnDescriptor function = descriptor(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  function.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
      .finalize();
  CudnnDescriptor operation = descriptor(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, function)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  if (other != nullptr) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *other);
  operation.finalize();
  return operation;
}

/// The convolution and what follows it. cuDNN reads the groups off the extents: C / (C of a
/// filter).
CudnnDescriptor graph_of(const Problem& p, cudnnHandle_t handle) {
  int steps = p.bias + p.residual + p.relu;
  const auto result = [&](int left) {
    return tensor(left == 0 ? int64_t{kY} : kFirstVirtual + left, p.dtype, p.y);
  };
  CudnnDescriptor value = result(steps);
  std::vector<CudnnDescriptor> operations;
  operations.push_back(convolution_operation(p, value));
  const auto follow = [&](cudnnPointwiseMode_t mode, const CudnnDescriptor* other) {
    CudnnDescriptor next = result(--steps);
    operations.push_back(pointwise(mode, value, other, next));
    value = std::move(next);
  };
  const auto add = [&](Uid uid, const Shape& shape) {
    const CudnnDescriptor other = tensor(uid, p.dtype, shape);
    follow(CUDNN_POINTWISE_ADD, &other);
  };
  // In the order of the pattern that the library knows by name.
  if (p.residual) add(kResidual, p.y);
  if (p.bias) add(kBias, Shape{1, p.y[1], 1, 1});
  if (p.relu) follow(CUDNN_POINTWISE_RELU_FWD, nullptr);
  std::vector<cudnnBackendDescriptor_t> handles;
  for (const CudnnDescriptor& operation : operations) handles.push_back(operation.get());
  CudnnDescriptor graph = descriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph
      .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, handles.data(),
           static_cast<int64_t>(handles.size()))
      .set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle)
      .finalize();
  return graph;
}

/// None where the library knows no engine for the problem.
std::vector<CudnnPlan> plans_for(const Problem& p, Cuda& cuda, size_t limit) {
  const EngineRules rules{.dtype = p.dtype, .tf32 = cuda.tf32(), .max_workspace = kMaxWorkspace};
  try {
    return ranked_plans(cuda, kOp, graph_of(p, cuda.cudnn()), rules, limit);
  } catch (const std::runtime_error&) {
    if (p.is_plain()) throw;
    return {};  // not every sequence of operations is a graph to the library
  }
}

/// By the library's ranking, or by measurement: then once in a process, whatever the cache drops.
/// REQUIRES: one call at a time.
CudnnPlan make_plan(const Problem& p, Cuda& cuda, const CudnnTensors& tensors) {
  static auto& chosen = *new std::map<Problem::Key, size_t>;
  const Problem::Key key = p.key(cuda);
  const auto known = chosen.find(key);
  const bool measures = known == chosen.end() && may_measure(cuda, kOp);
  const size_t limit = measures ? kMeasuredEngines : known != chosen.end() ? known->second + 1 : 1;
  std::vector<CudnnPlan> plans = plans_for(p, cuda, limit);
  if (plans.empty()) {
    if (p.is_plain())
      std::cerr << "[conv2d] cuDNN has no engine for the " << p
                << ": the direct kernel runs it, slowly." << std::endl;
    return {};
  }
  if (known != chosen.end()) return std::move(plans[std::min(known->second, plans.size() - 1)]);
  const size_t best = measures ? fastest_plan(cuda, kOp, plans, tensors) : 0;
  chosen[key] = best;
  return std::move(plans[best]);
}

}  // namespace

bool cudnn_conv2d(Cuda& cuda, Conv2dPass pass, const Tensor& x, const Tensor& filters,
                  const Tensor& y, const Conv2dOptions& options, const Conv2dEpilogue& epilogue) {
  // Never destroyed: the driver may be gone before static objects are.
  static auto& plans = *new PlanCache<Problem::Key, CudnnPlan>;
  const Problem problem{
      pass,         x.shape(), filters.shape(),         y.shape(),
      x.dtype(),    options,   epilogue.bias.defined(), epilogue.residual.defined(),
      epilogue.relu};
  CudnnTensors tensors{{kX, kFilters, kY}, {x.raw(), filters.raw(), y.raw()}};
  const auto bind = [&](Uid uid, const Tensor& tensor) {
    if (!tensor.defined()) return;
    tensors.ids.push_back(uid);
    tensors.data.push_back(tensor.raw());
  };
  bind(kBias, epilogue.bias);
  bind(kResidual, epilogue.residual);
  try {
    const auto plan =
        plans.get(problem.key(cuda), [&] { return make_plan(problem, cuda, tensors); });
    if (!plan->defined()) return false;
    run_plan(cuda, kOp, *plan, tensors);
  } catch (const OutOfMemory&) {
    throw;
  } catch (const std::runtime_error& error) {
    fail_runtime("[conv2d] the ", problem, " must run; got: ", error.what());
  }
  return true;
}

}  // namespace tessera

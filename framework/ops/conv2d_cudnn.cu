#include <algorithm>
#include <array>
#include <iostream>
#include <vector>

#include "framework/backend/cudnn_descriptor.h"
#include "framework/backend/plan_cache.h"
#include "framework/ops/conv2d_cudnn.h"

namespace tessera {
namespace {

// Above this a faster engine costs more memory than it is worth: the largest activations of
// ResNet-50 at batch 128 take as much.
constexpr int64_t kMaxWorkspace = int64_t{256} << 20;

enum Uid : int64_t { kX = 1, kFilters, kY };

struct Problem {
  Conv2dPass pass;
  Shape x, filters, y;
  DType dtype;
  Conv2dOptions options;

  using Key = std::array<int64_t, 23>;
  Key key(const Cuda& cuda) const {
    Key key{};
    auto out = key.begin();
    for (const Shape* shape : {&x, &filters, &y})
      out = std::copy(shape->begin(), shape->end(), out);
    for (const auto& pair : {options.stride, options.padding, options.dilation})
      out = std::copy(pair.begin(), pair.end(), out);
    for (const int64_t value :
         {options.groups, static_cast<int64_t>(pass), static_cast<int64_t>(dtype),
          int64_t{cuda.tf32()}, int64_t{cuda.device().index}})
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
             << o.dilation[1] << ", groups " << o.groups;
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

CudnnDescriptor descriptor(cudnnBackendDescriptorType_t type) { return {"conv2d", type}; }

/// A tensor [a, b, c, d] whose second axis is contiguous: images, and filters in KRSC.
CudnnDescriptor tensor(Uid uid, DType dtype, const Shape& shape) {
  constexpr int64_t kAlignment = 16;  // allocations are aligned to more
  CudnnDescriptor out = descriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const int64_t b = shape[1], c = shape[2], d = shape[3];
  out.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type_of(dtype))
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, {shape.begin(), shape.end()})
      .set(CUDNN_ATTR_TENSOR_STRIDES, {b * c * d, 1, b * d, b})
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {uid})
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {kAlignment})
      .finalize();
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

/// The graph of one operation. cuDNN reads the groups off the extents: C / (C of a filter).
CudnnDescriptor graph_of(const Problem& p, cudnnHandle_t handle) {
  const PassNames names = names_of(p.pass);
  CudnnDescriptor operation = descriptor(names.operation);
  operation.set(names.convolution, convolution(p.options))
      .set(names.x, tensor(kX, p.dtype, p.x))
      .set(names.filters, tensor(kFilters, p.dtype, p.filters))
      .set(names.y, tensor(kY, p.dtype, p.y))
      .set(names.alpha, CUDNN_TYPE_FLOAT, 1.0f)
      .set(names.beta, CUDNN_TYPE_FLOAT, 0.0f)
      .finalize();
  CudnnDescriptor graph = descriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation)
      .set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle)
      .finalize();
  return graph;
}

/// Engine configurations for the graph, the fastest first by the library's estimate.
std::vector<CudnnDescriptor> ranked_engines(const CudnnDescriptor& graph,
                                            cudnnBackendHeurMode_t mode) {
  CudnnDescriptor heuristic = descriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
  // A graph that no engine of this mode supports is refused here.
  if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  const int64_t count = heuristic.read<void>(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, nullptr, 0);
  std::vector<CudnnDescriptor> engines;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (int64_t i = 0; i < count; ++i) {
    engines.push_back(descriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    handles.push_back(engines.back().get());
  }
  const int64_t filled = heuristic.read(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, handles.data(), count);
  engines.resize(static_cast<size_t>(std::min(filled, count)));
  return engines;
}

/// Whether an engine's arithmetic is what we promise.
bool is_acceptable(const CudnnDescriptor& config, DType dtype, bool tf32) {
  CudnnDescriptor engine = descriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.get();
  config.read(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, &handle, 1);
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const int64_t count = engine.read(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                    notes.data(), static_cast<int64_t>(notes.size()));
  return std::none_of(notes.begin(), notes.begin() + count, [&](cudnnBackendNumericalNote_t note) {
    if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) return true;
    if (dtype != DType::f32) return false;
    return note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
           (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && !tf32);
  });
}

struct Plan {
  CudnnDescriptor engine, execution;  // undefined: cuDNN has no engine for this problem
  int64_t workspace = 0;
};

Plan make_plan(const Problem& p, Cuda& cuda) {
  const CudnnDescriptor graph = graph_of(p, cuda.cudnn());
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (CudnnDescriptor& engine : ranked_engines(graph, mode)) {
      if (!is_acceptable(engine, p.dtype, cuda.tf32())) continue;
      Plan plan{std::move(engine), descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)};
      plan.execution.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, cuda.cudnn())
          .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, plan.engine);
      // Heuristics also name engines that this device or driver cannot run.
      if (plan.execution.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
      plan.execution.read(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
                          &plan.workspace, 1);
      if (plan.workspace <= kMaxWorkspace) return plan;
    }
  std::cerr << "[conv2d] cuDNN has no engine for the " << p
            << ": the direct kernel runs it, slowly." << std::endl;
  return {};
}

}  // namespace

bool cudnn_conv2d(Cuda& cuda, Conv2dPass pass, const Tensor& x, const Tensor& filters,
                  const Tensor& y, const Conv2dOptions& options) {
  // Never destroyed: the driver may be gone before static objects are.
  static auto& plans = *new PlanCache<Problem::Key, Plan>;
  const Problem problem{pass, x.shape(), filters.shape(), y.shape(), x.dtype(), options};
  try {
    const auto plan = plans.get(problem.key(cuda), [&] { return make_plan(problem, cuda); });
    if (!plan->execution.defined()) return false;
    Tensor workspace = cuda.scratch(plan->workspace);
    // cuDNN has no const: only the pass's output is written.
    const std::array<const void*, 3> data{x.raw(), filters.raw(), y.raw()};
    CudnnDescriptor pack = descriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {kX, kFilters, kY})
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, data.data(), 3)
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR,
             static_cast<void*>(workspace.raw()))
        .finalize();
    check_cudnn(cudnnBackendExecute(cuda.cudnn(), plan->execution.get(), pack.get()), "conv2d",
                "cudnnBackendExecute");
  } catch (const std::runtime_error& error) {
    fail_runtime("[conv2d] the ", problem, " must run; got: ", error.what());
  }
  return true;
}

}  // namespace tessera

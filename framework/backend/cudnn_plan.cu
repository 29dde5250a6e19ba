#include <algorithm>
#include <array>
#include <utility>

#include "framework/backend/cudnn_plan.h"
#include "framework/backend/measure_cuda.h"

namespace tessera {
namespace {

/// Engine configurations for the graph, the fastest first by the library's estimate.
std::vector<CudnnDescriptor> ranked_engines(const char* op, const CudnnDescriptor& graph,
                                            cudnnBackendHeurMode_t mode) {
  CudnnDescriptor heuristic(op, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
  // A graph that no engine of this mode supports is refused here.
  if (heuristic.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  const int64_t count = heuristic.read<void>(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, nullptr, 0);
  std::vector<CudnnDescriptor> engines;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (int64_t i = 0; i < count; ++i) {
    engines.emplace_back(op, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    handles.push_back(engines.back().get());
  }
  const int64_t filled = heuristic.read(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, handles.data(), count);
  engines.resize(static_cast<size_t>(std::min(filled, count)));
  return engines;
}

/// Whether an engine's arithmetic is what we promise.
bool is_acceptable(const char* op, const CudnnDescriptor& config, const EngineRules& rules) {
  CudnnDescriptor engine(op, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.get();
  config.read(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, &handle, 1);
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const int64_t count = engine.read(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                    notes.data(), static_cast<int64_t>(notes.size()));
  return std::none_of(notes.begin(), notes.begin() + count, [&](cudnnBackendNumericalNote_t note) {
    if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) return true;
    if (rules.dtype != DType::f32) return false;
    return note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
           (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && !rules.tf32);
  });
}

/// Undefined where this device or driver cannot run the engine, or the rules forbid it.
CudnnPlan plan_of(Cuda& cuda, const char* op, CudnnDescriptor engine, const EngineRules& rules) {
  if (!is_acceptable(op, engine, rules)) return {};
  CudnnPlan plan{std::move(engine), CudnnDescriptor(op, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)};
  plan.execution.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, cuda.cudnn())
      .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, plan.engine);
  if (plan.execution.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  plan.execution.read(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, &plan.workspace,
                      1);
  if (plan.workspace > rules.max_workspace) return {};
  return plan;
}

}  // namespace

std::vector<CudnnPlan> ranked_plans(Cuda& cuda, const char* op, const CudnnDescriptor& graph,
                                    const EngineRules& rules, size_t limit) {
  std::vector<CudnnPlan> plans;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (CudnnDescriptor& engine : ranked_engines(op, graph, mode)) {
      if (plans.size() == limit) return plans;
      CudnnPlan plan = plan_of(cuda, op, std::move(engine), rules);
      if (plan.defined()) plans.push_back(std::move(plan));
    }
    if (!plans.empty()) break;
  }
  return plans;
}

size_t fastest_plan(Cuda& cuda, const char* op, const std::vector<CudnnPlan>& plans,
                    const CudnnTensors& tensors) {
  return fastest_of(cuda, op, plans.size(),
                    [&](size_t i) { run_plan(cuda, op, plans[i], tensors); });
}

void run_plan(Cuda& cuda, const char* op, const CudnnPlan& plan, const CudnnTensors& tensors) {
  Tensor workspace = cuda.scratch(plan.workspace);
  CudnnDescriptor pack(op, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, tensors.ids)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, tensors.data.data(),
           static_cast<int64_t>(tensors.data.size()))
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR,
           static_cast<void*>(workspace.raw()))
      .finalize();
  check_cudnn(cudnnBackendExecute(cuda.cudnn(), plan.execution.get(), pack.get()), op,
              "cudnnBackendExecute");
}

}  // namespace tessera

// From an operation graph of cuDNN to an engine that runs it. Included by .cu files only.
//
// An engine is taken only where it gives the same bits at every run, needs a workspace within the
// limit, and rounds f32 to TF32 only where that is allowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "framework/backend/cudnn_descriptor.h"

namespace tessera {

struct CudnnPlan {
  CudnnDescriptor engine, execution;  // undefined: cuDNN has no engine for the graph
  int64_t workspace = 0;

  bool defined() const { return execution.defined(); }
};

struct EngineRules {
  DType dtype = DType::f32;  ///< of the graph's inputs
  bool tf32 = false;
  int64_t max_workspace = 0;
};

/// The tensors of a graph by their unique ids.
struct CudnnTensors {
  std::vector<int64_t> ids;
  std::vector<const void*> data;  ///< cuDNN has no const: the graph's outputs are written
};

/// Up to `limit` plans, the fastest first by the library's estimate; none where no engine fits.
std::vector<CudnnPlan> ranked_plans(Cuda& cuda, const char* op, const CudnnDescriptor& graph,
                                    const EngineRules& rules, size_t limit);

/// Which of the plans is the fastest on these tensors, whose outputs are overwritten. An earlier
/// plan wins where the gain is within noise. Waits for the device.
/// REQUIRES: at least one plan; no graph is being captured.
size_t fastest_plan(Cuda& cuda, const char* op, const std::vector<CudnnPlan>& plans,
                    const CudnnTensors& tensors);

void run_plan(Cuda& cuda, const char* op, const CudnnPlan& plan, const CudnnTensors& tensors);

}  // namespace tessera

// The sparse model against its dense twin: equality and time, measured in one go.
#pragma once

#include <string>
#include <vector>

#include "framework/infer/model_file.h"

namespace tessera {

/// Images of a batch when the sparse model is timed against the dense one.
inline constexpr int64_t kTimedBatch = 64;

struct Comparison {
  int64_t batch_size = 0;  ///< images or sequences
  double dense_ms = 0;     ///< one batch through the fastest dense plan of this program
  double sparse_ms = 0;    ///< the same through the SparseModel
  double best_library_ms = 0;
  std::string best_library = {};
  double speedup = 0;  ///< dense_ms / sparse_ms
  double max_abs_diff =
      0;                  ///< between the outputs of the sparse plan and of the dense masked model
  std::string plan = {};  ///< what ran sparse (SparseModel::describe)
};

/// Times the plans of a model in turn, in rounds, and takes the medians. The best library for
/// sequences is the model's own forward pass, whose products are oneDNN's; where there is no plan
/// it is the dense twin, too.
/// `batch`: the inputs, {f32 [N, C, H, W] nhwc} or those of sequences, prepared as the model's card
/// says, on the model's device.
/// `dtype`: of the activations, as PlanOptions has it.
/// Throws: as SparseModel.
Comparison compare_with_dense(const LoadedModel& loaded, const ModelFile& file,
                              const std::vector<Tensor>& batch, DType dtype = DType::f32);

}  // namespace tessera

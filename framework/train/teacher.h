// The teacher of distillation: the dense model that pruning started from, read from the run's
// folder and never trained.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/io/config.h"
#include "layers/module.h"

namespace tessera {

/// (1 - alpha) * loss + alpha * T^2 * KL(p || q), a scalar, p and q the softmax of the teacher's
/// and the student's logits / T, the divergence a mean over rows:
///   KL(p || q) = sum_rows sum_c p[c] * (log p[c] - log q[c]) / rows
/// T^2 keeps the gradient's size the same at every temperature.
/// loss: f32 []. student, teacher: f32 [rows, classes]; no gradient flows into the teacher.
/// Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015.
/// Throws: std::invalid_argument unless the logits have one shape.
Tensor distillation_loss(const Tensor& loss, const Tensor& student, const Tensor& teacher,
                         const DistillConfig& config);

class Teacher {
 public:
  /// Reads the model file `weights`. `checksum`: the file's SHA-256, as it must be; where it is
  /// empty it is filled in. dtype: what the teacher computes in.
  /// Throws: std::runtime_error for a file that is missing, no model, or another one than before.
  Teacher(const std::filesystem::path& weights, std::string& checksum, const DistillConfig& config,
          DType dtype, Device device);

  /// distillation_loss() of the student's `logits` [rows, classes] for the batch `inputs`. Waits
  /// for nothing and reads fixed memory, so that a CUDA graph can hold it.
  Tensor add_to(const Tensor& loss, const Tensor& logits, const std::vector<Tensor>& inputs) const;

 private:
  std::unique_ptr<Module> model_;
  DistillConfig config_;
  DType dtype_;
};

}  // namespace tessera

// A file's bert on its device: on the cpu by an inference plan, elsewhere by the model itself.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/infer/model_file.h"
#include "framework/infer/plan.h"

namespace tessera {

class PlannedModel {
 public:
  /// `path`: the file's, for errors. `dtype`: of activations; on the cpu f32.
  /// Throws: as load_model().
  PlannedModel(const ModelFile& file, const std::filesystem::path& path, Device device,
               DType dtype = DType::f32);

  /// Of {ids, lengths, segments} on the cpu, as Bert takes them: f32, on the cpu. A plan is made
  /// for the first batch, and one of at least twice the tokens where a batch has more: begin with
  /// the longest.
  Tensor logits(const std::vector<Tensor>& inputs);

  /// What runs: one line; with `steps` every step of the plan, once there is one.
  std::string describe(bool steps) const;

 private:
  void plan_for(const Tensor& ids);

  const Device device_;
  const DType dtype_;
  const int64_t max_positions_;
  const std::map<std::string, TileMatrix> tiles_;
  const std::unique_ptr<Module> model_;
  std::optional<InferencePlan> plan_;
  int64_t planned_tokens_ = 0;
};

}  // namespace tessera

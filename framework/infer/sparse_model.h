// The model of a file as its tiles run it: by an inference plan or, where plans do not know the
// model (seq2seq, nmt), by its own forward pass with its linear layers over their tiles
// (layers/use_tiles.h). A plan keeps activations in panels from layer to layer and is the faster of
// the two; the forward pass needs nothing for each model.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/infer/model_file.h"
#include "framework/infer/plan.h"

namespace tessera {

class SparseModel {
 public:
  /// `loaded`: the file's model; `example`: its inputs, on its device; `dtype`: of the activations,
  /// as PlanOptions has it. Throws: as make_plan() where neither way is open: plans do not know the
  /// model, and it is on another device than the cpu or none of its pruned layers is linear.
  SparseModel(const LoadedModel& loaded, const ModelFile& file, const std::vector<Tensor>& example,
              DType dtype = DType::f32);

  /// Inputs as the example's, of any batch size.
  Tensor run(const std::vector<Tensor>& inputs) const;
  bool has_plan() const { return plan_.has_value(); }
  /// What runs, a line for each step of a plan.
  std::string describe() const;

 private:
  std::optional<InferencePlan> plan_;
  std::unique_ptr<Module> model_;  ///< where there is no plan: another one, over tiles
  std::string description_;
};

}  // namespace tessera

#include "framework/infer/sparse_model.h"

#include <stdexcept>

#include "framework/autograd/autograd.h"
#include "layers/use_tiles.h"

namespace tessera {

SparseModel::SparseModel(const LoadedModel& loaded, const ModelFile& file,
                         const std::vector<Tensor>& example, DType dtype) {
  try {
    plan_ = make_plan(*loaded.model, example, file.tiles, {.dtype = dtype});
    return;
  } catch (const std::invalid_argument& error) {
    if (!example.at(0).device().is_cpu() || dtype != DType::f32) throw;
    model_ = load_model(file, "the file").model;
    const TilesInUse used = use_tiles(*model_, file.tiles);
    if (used.sparse.empty()) throw;
    description_ = concat("the model's own forward pass: ", used.sparse.size(),
                          " pruned weights over their tiles");
    for (const std::string& name : used.dense)
      description_ += concat("\n  dense, with zeros in place: ", name);
    description_ +=
        concat("\nThere is no inference plan for such a model yet: ", error.what(), "\n");
  }
}

Tensor SparseModel::run(const std::vector<Tensor>& inputs) const {
  const NoGrad no_grad;
  if (!plan_) return model_->forward_batch(inputs);
  return inputs.at(0).dtype() == DType::f32 ? plan_->run(inputs[0]) : plan_->run(inputs);
}

std::string SparseModel::describe() const { return plan_ ? plan_->describe() : description_; }

}  // namespace tessera

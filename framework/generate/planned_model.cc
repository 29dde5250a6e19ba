#include "framework/generate/planned_model.h"

#include <algorithm>

#include "framework/autograd/autograd.h"
#include "framework/core/errors.h"
#include "layers/precision.h"

namespace tessera {
namespace {

/// Plans are made for multiples of it, and for twice as many tokens as the plan before, so that few
/// are made.
constexpr int64_t kPlanTokens = 16;

}  // namespace

PlannedModel::PlannedModel(const ModelFile& file, const std::filesystem::path& path, Device device,
                           DType dtype)
    : device_(device),
      dtype_(dtype),
      max_positions_(file.card.model.max_positions),
      tiles_(file.tiles),
      model_(load_model(file, path).model) {
  model_->to(device_);
}

void PlannedModel::plan_for(const Tensor& ids) {
  const int64_t rounded = (ids.dim(1) + kPlanTokens - 1) / kPlanTokens * kPlanTokens;
  planned_tokens_ = std::min(std::max(rounded, 2 * planned_tokens_), max_positions_);
  const Tensor zeros = Tensor::zeros({ids.dim(0), planned_tokens_}, {.dtype = DType::i64});
  const Tensor lengths = Tensor::full({ids.dim(0)}, planned_tokens_, {.dtype = DType::i64});
  plan_ = make_plan(*model_, {zeros, lengths, zeros.clone()}, tiles_);
}

Tensor PlannedModel::logits(const std::vector<Tensor>& inputs) {
  const NoGrad no_grad;
  if (device_.is_cpu()) {
    if (inputs[0].dim(1) > planned_tokens_) plan_for(inputs[0]);
    return plan_->run(inputs);
  }
  std::vector<Tensor> there;
  for (const Tensor& input : inputs) there.push_back(input.to(device_));
  return forward_in(dtype_, *model_, there).to(Device{});
}

std::string PlannedModel::describe(bool steps) const {
  if (steps && plan_) return plan_->describe();
  const char* const weights = tiles_.empty()     ? "dense weights"
                              : device_.is_cpu() ? "pruned weights as packed where that was faster"
                                                 : "pruned weights as dense ones with zeros";
  return concat(device_.is_cpu() ? "an inference plan" : "the model", " on ", device_,
                dtype_ == DType::f32 ? ", " : " in bf16, ", weights);
}

}  // namespace tessera

#include "framework/train/pruner.h"

#include <algorithm>
#include <map>
#include <set>

#include "framework/autograd/autograd.h"
#include "framework/train/batch_loss.h"
#include "pruning/bounds.h"
#include "pruning/pattern.h"
#include "pruning/regrow.h"
#include "pruning/scores.h"

namespace tessera {
namespace {

Tensor as_matrix(const Tensor& weight) {
  return weight.alias({weight.dim(0), weight.numel() / weight.dim(0)});
}

std::vector<Parameter> chosen_parameters(const PruneConfig& config, const Module& model) {
  const auto selection = select_layers_of(config, model);
  std::vector<Parameter> chosen;
  for (const Parameter& parameter : model.parameters())
    if (std::find(selection.pruned.begin(), selection.pruned.end(), parameter.name) !=
        selection.pruned.end())
      chosen.push_back(parameter);
  return chosen;
}

using AddScores = void (*)(Tensor& scores, const Tensor& weight, const Tensor& gradient);

/// Null for scores of the weights alone.
AddScores scores_from_gradients(const std::string& type) {
  if (type == "taylor") return add_taylor_scores;
  if (type == "gradient") return add_gradient_scores;
  if (type == "movement") return add_movement_scores;
  return nullptr;
}

/// One tensor for each tensor of weights, so that tied weights are tied in the ranking, too.
class ScoreMap {
 public:
  Tensor& of(const Parameter& parameter) { return scores_[parameter.tensor.id()]; }

 private:
  std::map<const void*, Tensor> scores_;
};

/// Parameters of distinct tensors: of tied ones the first.
std::vector<Parameter> without_tied(const std::vector<Parameter>& parameters) {
  std::vector<Parameter> distinct;
  std::set<const void*> seen;
  for (const Parameter& parameter : parameters)
    if (seen.insert(parameter.tensor.id()).second) distinct.push_back(parameter);
  return distinct;
}

ScoreMap accumulated_scores(Module& model, const std::vector<Parameter>& parameters, AddScores add,
                            int64_t batches, DataLoader& data, int64_t epoch,
                            double label_smoothing) {
  ScoreMap scores;
  model.set_training(false);
  data.begin(epoch);
  Batch batch;
  for (int64_t b = 0; b < batches && data.next(batch); ++b) {
    const Device device = parameters[0].tensor.device();
    model.zero_grad();
    std::vector<Tensor> inputs;
    for (const Tensor& input : batch.inputs) inputs.push_back(input.to(device));
    backward(
        batch_loss(model.forward_batch(inputs), batch.target.to(device), label_smoothing).loss);
    for (const Parameter& parameter : parameters)
      add(scores.of(parameter), parameter.tensor, parameter.tensor.grad());
  }
  model.zero_grad();
  // Units are ranked on the cpu.
  for (const Parameter& parameter : parameters)
    scores.of(parameter) = scores.of(parameter).to(Device{});
  return scores;
}

/// Where the parameter is not pruned yet, all ones.
Tensor matrix_mask(const Masks& masks, const Parameter& parameter) {
  const Tensor mask = masks.of(parameter.name);
  return as_matrix(
      mask.defined() ? mask : Tensor::full(parameter.tensor.shape(), 1, {.dtype = DType::u8}));
}

/// Gives pruned units back to `masks` by the `gradients` of their weights, and scores to what came
/// back. `distinct`: the parameters; tied ones have the mask of the first.
void regrow(const PruneConfig& config, const std::vector<Parameter>& distinct,
            const std::vector<Parameter>& all, ScoreMap& gradients, ScoreMap& scores,
            Masks& masks) {
  std::vector<LayerScores> layers;
  for (const Parameter& parameter : distinct)
    layers.push_back({.name = parameter.name,
                      .scores = gradients.of(parameter),
                      .groups = parameter.groups,
                      .mask = matrix_mask(masks, parameter)});
  const auto regrown =
      regrown_masks(config.regrow, granularity_of(pattern_options(config)), layers);
  for (size_t i = 0; i < distinct.size(); ++i) {
    Tensor& own = scores.of(distinct[i]);
    own = scores_with_regrown(own, layers[i].mask, regrown[i]);
    for (const Parameter& parameter : all)
      if (parameter.tensor.id() == distinct[i].tensor.id())
        masks[parameter.name] = regrown[i].alias(parameter.tensor.shape());
  }
}

}  // namespace

LayerSelection select_layers_of(const PruneConfig& config, const Module& model) {
  std::vector<PrunableLayer> layers;
  for (const Parameter& parameter : model.parameters())
    if (parameter.is_prunable())
      layers.push_back(
          {parameter.name, parameter.is_convolution(), parameter.role == ParameterRole::head});
  std::vector<LayerSelection::Excluded> embeddings;
  for (const Parameter& parameter : model.parameters())
    if (parameter.role == ParameterRole::embedding)
      embeddings.push_back({parameter.name, "embedding: never pruned"});
  LayerSelection selection = select_layers(config, layers, !embeddings.empty());
  selection.excluded.insert(selection.excluded.end(), embeddings.begin(), embeddings.end());
  return selection;
}

Masks prune_model(Module& model, const PruneConfig& config, double sparsity, const Masks& current,
                  DataLoader& data, int64_t epoch, double label_smoothing) {
  const auto parameters = chosen_parameters(config, model);
  const auto distinct = without_tied(parameters);
  ScoreMap scores;
  if (const AddScores add = scores_from_gradients(config.score.type)) {
    scores = accumulated_scores(model, distinct, add, config.score.batches, data, epoch,
                                label_smoothing);
  } else {
    for (const Parameter& parameter : distinct)
      scores.of(parameter) = magnitude_scores(parameter.tensor.to(Device{}));
  }
  Masks masks = current;
  if (config.regrow > 0 && tessera::sparsity(current) > 0) {
    ScoreMap gradients = accumulated_scores(model, distinct, add_gradient_scores,
                                            config.score.batches, data, epoch, label_smoothing);
    regrow(config, distinct, parameters, gradients, scores, masks);
  }
  std::vector<LayerScores> layers;
  for (const Parameter& parameter : parameters) {
    layers.push_back({.name = parameter.name,
                      .scores = scores.of(parameter),
                      .groups = parameter.groups,
                      .mask = matrix_mask(masks, parameter),
                      .min_sparsity = std::min(config.min_per_layer, sparsity),
                      .max_sparsity = std::max(config.max_per_layer, sparsity)});
  }
  std::vector<LayerBound> bounds;
  for (const std::string& text : config.layer_bounds) bounds.push_back(parse_layer_bound(text));
  set_bounds(bounds, layers, std::min(sparsity / config.sparsity, 1.0));
  const auto pruned = prune_masks(pattern_options(config), sparsity, layers);
  for (size_t i = 0; i < parameters.size(); ++i)
    masks[parameters[i].name] = pruned[i].alias(parameters[i].tensor.shape());
  return masks;
}

}  // namespace tessera

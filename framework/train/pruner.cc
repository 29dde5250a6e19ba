#include "framework/train/pruner.h"

#include <algorithm>
#include <map>
#include <set>

#include "framework/autograd/autograd.h"
#include "framework/sparse/pack.h"
#include "framework/train/batch_loss.h"
#include "framework/train/unit_selection.h"
#include "pruning/bounds.h"
#include "pruning/regrow.h"
#include "pruning/scores.h"

namespace tessera {
namespace {

Tensor as_matrix(const Tensor& weight) {
  return weight.alias({weight.dim(0), weight.numel() / weight.dim(0)});
}

std::vector<Parameter> chosen_parameters(const PruneConfig& config, Module& model) {
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

LayerSelection select_layers_of(const PruneConfig& config, Module& model) {
  const UnitsByWeight units = units_of(config, model);
  std::vector<PrunableLayer> layers;
  for (const Parameter& parameter : model.parameters())
    if (parameter.is_prunable())
      layers.push_back({.name = parameter.name,
                        .is_convolution = parameter.is_convolution(),
                        .is_head = parameter.role == ParameterRole::head,
                        .has_units = config.units == "outputs" || units.contains(parameter.name)});
  std::vector<LayerSelection::Excluded> embeddings;
  for (const Parameter& parameter : model.parameters())
    if (parameter.role == ParameterRole::embedding)
      embeddings.push_back({parameter.name, "embedding: never pruned"});
  LayerSelection selection = select_layers(config, layers, !embeddings.empty());
  if (config.units == "heads") require_whole(units, selection);
  selection.excluded.insert(selection.excluded.end(), embeddings.begin(), embeddings.end());
  return selection;
}

ModelScores::ModelScores(Module& model, const PruneConfig& config, const Masks& current,
                         DataLoader& data, int64_t epoch, double label_smoothing)
    : config_(config), parameters_(chosen_parameters(config, model)), current_(current) {
  const auto distinct = without_tied(parameters_);
  ScoreMap scores;
  if (const AddScores add = scores_from_gradients(config.score.type)) {
    scores = accumulated_scores(model, distinct, add, config.score.batches, data, epoch,
                                label_smoothing);
  } else {
    for (const Parameter& parameter : distinct)
      scores.of(parameter) = magnitude_scores(parameter.tensor.to(Device{}));
  }
  if (config.regrow > 0 && sparsity(current) > 0) {
    ScoreMap gradients = accumulated_scores(model, distinct, add_gradient_scores,
                                            config.score.batches, data, epoch, label_smoothing);
    regrow(config, distinct, parameters_, gradients, scores, current_);
  }
  UnitsByWeight units = selected_units(units_of(config, model), parameters_);
  for (const Parameter& parameter : parameters_) {
    scores_.push_back(scores.of(parameter));
    units_.push_back(units[parameter.name]);
  }
}

std::vector<LayerScores> ModelScores::layers_at(double sparsity) const {
  std::vector<LayerScores> layers;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    layers.push_back({.name = parameters_[i].name,
                      .scores = scores_[i],
                      .groups = parameters_[i].groups,
                      .mask = matrix_mask(current_, parameters_[i]),
                      .min_sparsity = std::min(config_.min_per_layer, sparsity),
                      .max_sparsity = std::max(config_.max_per_layer, sparsity),
                      .units = units_[i]});
  }
  std::vector<LayerBound> bounds;
  for (const std::string& text : config_.layer_bounds) bounds.push_back(parse_layer_bound(text));
  set_bounds(bounds, layers, std::min(sparsity / config_.sparsity, 1.0));
  return layers;
}

Masks ModelScores::masks_at(double sparsity) const {
  const auto pruned = prune_masks(pattern_options(config_), sparsity, layers_at(sparsity));
  Masks masks = current_;
  for (size_t i = 0; i < parameters_.size(); ++i)
    masks[parameters_[i].name] = pruned[i].alias(parameters_[i].tensor.shape());
  return masks;
}

double ModelScores::present_sparsity() const {
  std::vector<Tensor> masks;
  for (const Parameter& parameter : without_tied(parameters_))
    masks.push_back(matrix_mask(current_, parameter));
  return mask_sparsity(masks);
}

double ModelScores::least_sparsity() const {
  double zeros = 0, weights = 0;
  std::set<const void*> seen;
  for (const LayerScores& layer : layers_at(config_.max_per_layer)) {
    if (!seen.insert(layer.scores.id()).second) continue;
    const double count = static_cast<double>(layer.scores.numel());
    zeros += layer.min_sparsity * count;
    weights += count;
  }
  return weights == 0 ? 0 : zeros / weights;
}

double ModelScores::highest_sparsity() const {
  return tessera::highest_sparsity(pattern_options(config_), layers_at(config_.max_per_layer));
}

std::map<std::string, TileMatrix> ModelScores::packed(const Masks& masks) const {
  const PatternOptions options = pattern_options(config_);
  std::map<std::string, TileMatrix> tiles;
  for (const Parameter& parameter : parameters_)
    if (const Tensor mask = masks.of(parameter.name); mask.defined())
      tiles[parameter.name] = pack_pattern(options.pattern, parameter.tensor.to(Device{}), mask,
                                           granularity_of(options), parameter.groups);
  return tiles;
}

Masks prune_model(Module& model, const PruneConfig& config, double sparsity, const Masks& current,
                  DataLoader& data, int64_t epoch, double label_smoothing) {
  return ModelScores(model, config, current, data, epoch, label_smoothing).masks_at(sparsity);
}

}  // namespace tessera

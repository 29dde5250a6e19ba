#include "framework/train/pruner.h"

#include <algorithm>

#include "framework/autograd/autograd.h"
#include "framework/ops/cross_entropy.h"
#include "pruning/pattern.h"
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

std::vector<Tensor> taylor_scores(Module& model, const std::vector<Parameter>& parameters,
                                  int64_t batches, DataLoader& data, int64_t epoch,
                                  double label_smoothing) {
  std::vector<Tensor> scores(parameters.size());
  model.set_training(false);
  data.begin(epoch);
  Batch batch;
  const Device device = parameters[0].tensor.device();
  for (int64_t b = 0; b < batches && data.next(batch); ++b) {
    model.zero_grad();
    backward(cross_entropy(model.forward(batch.input.to(device)), batch.target.to(device),
                           {.label_smoothing = label_smoothing}));
    for (size_t i = 0; i < parameters.size(); ++i)
      add_taylor_scores(scores[i], parameters[i].tensor, parameters[i].tensor.grad());
  }
  model.zero_grad();
  for (Tensor& score : scores) score = score.to(Device{});  // units are ranked on the cpu
  return scores;
}

}  // namespace

LayerSelection select_layers_of(const PruneConfig& config, const Module& model) {
  std::vector<PrunableLayer> layers;
  for (const Parameter& parameter : model.parameters())
    if (parameter.is_prunable()) layers.push_back({parameter.name, parameter.is_convolution()});
  return select_layers(config, layers);
}

Masks prune_model(Module& model, const PruneConfig& config, double sparsity, const Masks& current,
                  DataLoader& data, int64_t epoch, double label_smoothing) {
  const auto parameters = chosen_parameters(config, model);
  std::vector<Tensor> scores;
  if (config.score.type == "taylor") {
    scores = taylor_scores(model, parameters, config.score.batches, data, epoch, label_smoothing);
  } else {
    for (const Parameter& parameter : parameters)
      scores.push_back(magnitude_scores(parameter.tensor.to(Device{})));
  }
  std::vector<LayerScores> layers;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Tensor mask = current.of(parameters[i].name);
    layers.push_back({parameters[i].name, scores[i], parameters[i].groups,
                      mask.defined() ? as_matrix(mask) : Tensor{}});
  }
  const auto masks = prune_masks({.pattern = config.pattern,
                                  .scope = config.scope,
                                  .granularity = config.granularity,
                                  .k_multiple = config.k_multiple},
                                 sparsity, layers);
  Masks named;
  for (size_t i = 0; i < parameters.size(); ++i)
    named[parameters[i].name] = masks[i].alias(parameters[i].tensor.shape());
  return named;
}

}  // namespace tessera

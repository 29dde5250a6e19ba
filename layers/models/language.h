// What the models of language share: options from the config, checks of their inputs, embeddings.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/embedding.h"
#include "layers/models/make_model.h"
#include "layers/positions.h"
#include "layers/transformer.h"

namespace tessera {

/// A model's own choices, where the config says auto.
struct TransformerDefaults {
  double dropout = 0.1;
  double eps = 1e-5;
  NormPosition norm = NormPosition::post;
  Nonlinearity activation = Nonlinearity::relu;
};

/// Throws: std::invalid_argument where num_heads do not divide hidden_size.
TransformerOptions transformer_options(const ModelConfig& config,
                                       const TransformerDefaults& defaults);

/// config.max_positions, else what `input` says.
int64_t max_positions_of(const ModelConfig& config, const ModelInput& input);

/// Throws: std::invalid_argument naming the model unless there are as many inputs as names, the
/// first is ids [N, T], and all are i64.
void check_inputs(const char* model, const std::vector<Tensor>& inputs,
                  const std::vector<const char*>& names);

/// Throws: std::invalid_argument naming both where a sequence has more tokens than a model takes.
void check_length(const char* model, int64_t tokens, int64_t max_positions);

/// The weight of a layer, for an output layer that is tied to it.
Tensor weight_of(const Module& layer);

/// The logits for a loss of an output layer with that weight and no bias.
Logits padded_logits(const Tensor& x, const Tensor& weight);

}  // namespace tessera

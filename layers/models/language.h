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
  const char* type;
  double dropout, eps;
  NormPosition norm;
  Nonlinearity activation;
};

/// Null for another type than those of Transformers.
const TransformerDefaults* transformer_defaults(const std::string& type);

/// REQUIRES: config.type is one of a Transformer.
/// Throws: std::invalid_argument where num_heads do not divide hidden_size.
TransformerOptions transformer_options(const ModelConfig& config);

/// What a model of config `b` computes otherwise than one of `a` with the same weights, as
/// "num_heads 4 and 8, activation ..."; empty where it is nothing.
std::string difference_in_function(const ModelConfig& a, const ModelConfig& b);

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

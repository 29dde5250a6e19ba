#include "layers/models/gpt2.h"

#include <cmath>

#include "framework/core/errors.h"
#include "framework/ops/add.h"
#include "framework/ops/linear.h"

namespace tessera {
Gpt2::Gpt2(const ModelConfig& config, const ModelInput& input)
    : position_ids_(max_positions_of(config, input)) {
  TransformerOptions options = transformer_options(config);
  options.causal = true;
  require(options.norm == NormPosition::pre,
          "[model] norm of gpt2 must be pre; got post. Leave model.norm out.");
  words_ = &make<Embedding>("transformer.wte", input.vocabulary, options.width);
  if (!options.rotary)
    positions_ = &make<Embedding>("transformer.wpe", position_ids_.count(), options.width);
  dropout_ = &add<Dropout>("dropout", options.dropout);
  for (int64_t i = 0; i < config.num_layers; ++i)
    layers_.push_back(&make<TransformerLayer>(concat("transformer.h.", i), options, kGpt2Names));
  norm_ = &add_norm(*this, "transformer.ln_f", options);
  if (!config.tie)
    head_ = &make<Linear>("lm_head", options.width, input.vocabulary, false, ParameterRole::head);
}

Tensor Gpt2::forward_batch(const std::vector<Tensor>& inputs) {
  check_inputs("gpt2", inputs, {"ids"});
  return compute(inputs[0], nullptr);
}

Logits Gpt2::forward_logits(const std::vector<Tensor>& inputs) {
  check_inputs("gpt2", inputs, {"ids"});
  const Tensor weight = weight_of(head_ != nullptr ? static_cast<Module&>(*head_) : *words_);
  return padded_logits(hidden(inputs[0], nullptr), weight);
}

DecoderState Gpt2::begin(const std::vector<Tensor>&) {
  return {.cache = {layers_.size(), max_positions()}};
}

Tensor Gpt2::step(const Tensor& ids, DecoderState& state) {
  check_inputs("gpt2", {ids}, {"ids"});
  const Tensor logits = compute(ids, &state.cache);
  state.cache.length += ids.dim(1);
  return logits;
}

Tensor Gpt2::compute(const Tensor& ids, KeyValueCache* cache) {
  const Tensor x = hidden(ids, cache);
  return head_ != nullptr ? run(*head_, x) : linear(x, weight_of(*words_));
}

Tensor Gpt2::hidden(const Tensor& ids, KeyValueCache* cache) {
  const int64_t begin = cache != nullptr ? cache->length : 0, end = begin + ids.dim(1);
  check_length("gpt2", end, max_positions());
  Tensor x = run(*words_, ids);
  if (positions_ != nullptr)
    x = tessera::add(x, run(*positions_, position_ids_.range(begin, end, ids.device())));
  x = dropout_->forward(x);
  for (size_t i = 0; i < layers_.size(); ++i)
    x = run(*layers_[i], [&] {
      return layers_[i]->forward(x, {.cache = cache != nullptr ? &cache->layers[i] : nullptr});
    });
  return run(*norm_, x);
}

void Gpt2::scale_residual_weights() {
  const float factor = 1 / std::sqrt(2 * static_cast<float>(layers_.size()));
  for (Parameter& parameter : parameters()) {
    if (!parameter.name.ends_with("c_proj.weight")) continue;
    float* const weight = parameter.tensor.data<float>();
    for (int64_t i = 0; i < parameter.tensor.numel(); ++i) weight[i] *= factor;
  }
}

}  // namespace tessera

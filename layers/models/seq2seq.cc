#include "layers/models/seq2seq.h"

#include <cmath>
#include <set>

#include "framework/core/errors.h"
#include "framework/ops/add.h"
#include "framework/ops/linear.h"
#include "framework/ops/mul.h"

namespace tessera {
Seq2Seq::Seq2Seq(const ModelConfig& config, const ModelInput& input)
    : options_(transformer_options(config)),
      positions_(max_positions_of(config, input), options_.width) {
  const int64_t width = options_.width;
  if (config.share_embeddings) {
    require(input.vocabulary == input.target_vocabulary,
            "[model] share_embeddings needs one vocabulary of source and target; got ",
            input.vocabulary, " and ", input.target_vocabulary,
            " tokens. Train one tokenizer on both languages.");
    source_words_ = target_words_ = &make<Embedding>("model.shared", input.vocabulary, width);
  } else {
    source_words_ = &make<Embedding>("model.encoder.embed_tokens", input.vocabulary, width);
    target_words_ = &make<Embedding>("model.decoder.embed_tokens", input.target_vocabulary, width);
  }
  dropout_ = &add<Dropout>("dropout", options_.dropout);
  TransformerOptions of_decoder = options_;
  of_decoder.causal = of_decoder.has_memory = true;
  const auto layer = [&](const char* stack, int64_t i, const TransformerOptions& options) {
    return &make<TransformerLayer>(concat("model.", stack, ".layers.", i), options, kBartNames);
  };
  for (int64_t i = 0; i < config.num_layers; ++i) encoder_.push_back(layer("encoder", i, options_));
  for (int64_t i = 0; i < config.num_layers; ++i)
    decoder_.push_back(layer("decoder", i, of_decoder));
  if (options_.norm == NormPosition::pre) {
    encoder_norm_ = &make<LayerNorm>("model.encoder.layer_norm", width, options_.eps);
    decoder_norm_ = &make<LayerNorm>("model.decoder.layer_norm", width, options_.eps);
  }
  if (!config.tie)
    head_ = &make<Linear>("lm_head", width, input.target_vocabulary, false, ParameterRole::head);
}

Tensor Seq2Seq::forward_batch(const std::vector<Tensor>& inputs) {
  check_inputs("seq2seq", inputs, {"source", "source_lengths", "target_in"});
  return decode(inputs[2], encode(inputs[0], inputs[1]), inputs[1], nullptr);
}

Logits Seq2Seq::forward_logits(const std::vector<Tensor>& inputs) {
  check_inputs("seq2seq", inputs, {"source", "source_lengths", "target_in"});
  const Tensor memory = encode(inputs[0], inputs[1]);
  const Tensor weight = weight_of(head_ != nullptr ? static_cast<Module&>(*head_) : *target_words_);
  return padded_logits(hidden(inputs[2], memory, inputs[1], nullptr), weight);
}

Tensor Seq2Seq::embed(Embedding& table, const Tensor& ids, int64_t begin) {
  require(ids.rank() == 2, "[seq2seq] tokens must be [N, T]; got ", ids, ".");
  check_length("seq2seq", begin + ids.dim(1), max_positions());
  Tensor x = run(table, ids);
  const Tensor scale = Tensor::full({1}, std::sqrt(static_cast<double>(options_.width)),
                                    {.dtype = x.dtype(), .device = x.device()});
  x = tessera::add(mul(x, scale),
                   positions_.range(begin, begin + ids.dim(1), x.dtype(), x.device()));
  return dropout_->forward(x);
}

Tensor Seq2Seq::encode(const Tensor& source, const Tensor& lengths) {
  Tensor x = embed(*source_words_, source, 0);
  for (TransformerLayer* layer : encoder_)
    x = run(*layer, [&] { return layer->forward(x, {.lengths = lengths}); });
  return encoder_norm_ != nullptr ? run(*encoder_norm_, x) : x;
}

Tensor Seq2Seq::decode(const Tensor& ids, const Tensor& memory, const Tensor& memory_lengths,
                       KeyValueCache* cache) {
  const Tensor x = hidden(ids, memory, memory_lengths, cache);
  return head_ != nullptr ? run(*head_, x) : linear(x, weight_of(*target_words_));
}

Tensor Seq2Seq::hidden(const Tensor& ids, const Tensor& memory, const Tensor& memory_lengths,
                       KeyValueCache* cache) {
  Tensor x = embed(*target_words_, ids, cache != nullptr ? cache->length : 0);
  for (size_t i = 0; i < decoder_.size(); ++i)
    x = run(*decoder_[i], [&] {
      return decoder_[i]->forward(x, {.memory = memory,
                                      .memory_lengths = memory_lengths,
                                      .cache = cache != nullptr ? &cache->layers[i] : nullptr});
    });
  return decoder_norm_ != nullptr ? run(*decoder_norm_, x) : x;
}

DecoderState Seq2Seq::begin(const std::vector<Tensor>& inputs) {
  check_inputs("seq2seq", inputs, {"source", "source_lengths"});
  DecoderState state{.memory_lengths = inputs[1], .cache = {decoder_.size(), max_positions()}};
  const Tensor memory = encode(inputs[0], inputs[1]);
  for (size_t i = 0; i < decoder_.size(); ++i)
    state.cache.layers[i].memory = decoder_[i]->keys_of(memory);
  return state;
}

Tensor Seq2Seq::step(const Tensor& ids, DecoderState& state) {
  const Tensor logits = decode(ids, {}, state.memory_lengths, &state.cache);
  state.cache.length += ids.dim(1);
  return logits;
}

void Seq2Seq::scale_embeddings() {
  const float factor = 1 / std::sqrt(static_cast<float>(options_.width));
  for (Embedding* table : std::set<Embedding*>{source_words_, target_words_}) {
    Tensor weight = weight_of(*table);
    for (int64_t i = 0; i < weight.numel(); ++i) weight.data<float>()[i] *= factor;
  }
}

}  // namespace tessera

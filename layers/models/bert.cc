#include "layers/models/bert.h"

#include "framework/core/errors.h"
#include "framework/ops/add.h"
#include "framework/ops/linear.h"
#include "framework/ops/reshape.h"
#include "framework/ops/slice.h"
#include "framework/ops/span_scores.h"
#include "framework/ops/tanh.h"

namespace tessera {
namespace {

/// A bias that belongs to no linear layer: that of a tied output layer.
class Bias : public Scope {
 public:
  explicit Bias(int64_t extent) {
    tensor = add_parameter("bias", Tensor::zeros({extent}), ParameterRole::bias);
  }
  Tensor tensor;
};

}  // namespace

Bert::Bert(const ModelConfig& config, const ModelInput& input)
    : options_(transformer_options(config)), position_ids_(max_positions_of(config, input)) {
  const int64_t width = options_.width;
  require(options_.norm == NormPosition::post,
          "[model] norm of bert must be post; got pre. Leave model.norm out.");
  words_ = &make<Embedding>("bert.embeddings.word_embeddings", input.vocabulary, width);
  positions_ =
      &make<Embedding>("bert.embeddings.position_embeddings", position_ids_.count(), width);
  segments_ = &make<Embedding>("bert.embeddings.token_type_embeddings", config.segments, width);
  norm_ = &make<LayerNorm>("bert.embeddings.LayerNorm", width, options_.eps);
  dropout_ = &add<Dropout>("dropout", options_.dropout);
  for (int64_t i = 0; i < config.num_layers; ++i)
    layers_.push_back(
        &make<TransformerLayer>(concat("bert.encoder.layer.", i), options_, kBertNames));
  const auto head = ParameterRole::head;
  if (config.head == "auto" || config.head == "classification") {
    pooler_ = &make<Linear>("bert.pooler.dense", width, width, true, head);
    classifier_ = &make<Linear>("classifier", width, input.classes, true, head);
  } else if (config.head == "masked_lm") {
    decoder_bias_ = attach("cls.predictions", std::make_unique<Bias>(input.vocabulary)).tensor;
    transform_ = &make<Linear>("cls.predictions.transform.dense", width, width, true, head);
    transform_norm_ = &make<LayerNorm>("cls.predictions.transform.LayerNorm", width, options_.eps);
    if (!config.tie)
      decoder_ = &make<Linear>("cls.predictions.decoder", width, input.vocabulary, false, head);
  } else if (config.head == "span") {
    spans_ = &make<Linear>("qa_outputs", width, 2, true, head);
  } else {
    fail("[model] head of bert must be classification, masked_lm or span; got '", config.head,
         "'.");
  }
}

Tensor Bert::forward_batch(const std::vector<Tensor>& inputs) {
  check_inputs("bert", inputs, {"ids", "lengths", "segments"});
  const Tensor hidden = encode(inputs[0], inputs[1], inputs[2]);
  if (classifier_ != nullptr) return classify(hidden);
  return spans_ != nullptr ? find_span(hidden, inputs[1]) : predict_tokens(hidden);
}

Tensor Bert::encode(const Tensor& ids, const Tensor& lengths, const Tensor& segments) {
  require(lengths.shape() == Shape{ids.dim(0)} && segments.shape() == ids.shape(),
          "[bert] lengths must be [N] and segments [N, T] for ids ", ids, "; got ", lengths,
          " and ", segments, ".");
  check_length("bert", ids.dim(1), position_ids_.count());
  const Tensor places = position_ids_.range(0, ids.dim(1), ids.device());
  Tensor x = tessera::add(run(*words_, ids), run(*segments_, segments));
  x = tessera::add(x, run(*positions_, places));
  x = dropout_->forward(run(*norm_, x));
  for (TransformerLayer* layer : layers_)
    x = run(*layer, [&] { return layer->forward(x, {.lengths = lengths}); });
  return x;
}

Tensor Bert::classify(const Tensor& hidden) {
  const Tensor first =
      reshape(slice(hidden, 1, 0, 1), {hidden.dim(0), options_.width});  // of [CLS]
  const Tensor pooled = tanh(run(*pooler_, first));
  return run(*classifier_, dropout_->forward(pooled));
}

Tensor Bert::predict_tokens(const Tensor& hidden) {
  const Tensor x = run(*transform_norm_, activate(options_.activation, run(*transform_, hidden)));
  return linear(x, weight_of(decoder_ != nullptr ? static_cast<Module&>(*decoder_) : *words_),
                decoder_bias_);
}

Tensor Bert::find_span(const Tensor& hidden, const Tensor& lengths) {
  return span_scores(run(*spans_, hidden), lengths);
}

}  // namespace tessera

// BERT (Devlin et al., "BERT: pre-training of deep bidirectional transformers", 2019), as in
// Hugging Face's transformers, with its names. Inputs: ids i64 [N, T], lengths i64 [N], segments
// i64 [N, T]. Heads:
//   classification  bert.pooler, classifier                  -> [N, classes]
//   masked_lm       cls.predictions, tied to the embedding   -> [N, T, V]
//   span            qa_outputs; start and end of an answer   -> [N, 2, T], -1e4 beyond the length
#pragma once

#include "layers/models/language.h"

namespace tessera {

class Bert : public Scope {
 public:
  /// Throws: std::invalid_argument for an unknown head and options that do not fit.
  Bert(const ModelConfig& config, const ModelInput& input);

  const char* kind() const override { return "Bert"; }
  Tensor forward_batch(const std::vector<Tensor>& inputs) override;

 private:
  Tensor encode(const Tensor& ids, const Tensor& lengths, const Tensor& segments);
  Tensor classify(const Tensor& hidden);
  Tensor predict_tokens(const Tensor& hidden);
  Tensor find_span(const Tensor& hidden, const Tensor& lengths);

  TransformerOptions options_;
  PositionIds position_ids_;
  Embedding *words_, *positions_, *segments_;
  LayerNorm* norm_;
  Dropout* dropout_;
  std::vector<TransformerLayer*> layers_;
  Linear *pooler_ = nullptr, *classifier_ = nullptr;                     // classification
  Linear *transform_ = nullptr, *decoder_ = nullptr, *spans_ = nullptr;  // masked_lm; span
  LayerNorm* transform_norm_ = nullptr;
  Tensor decoder_bias_;
};

}  // namespace tessera

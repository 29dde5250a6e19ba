// GPT-2 (Radford et al., "Language models are unsupervised multitask learners", 2019), as in
// Hugging Face's transformers, with its names; its Conv1D layers are linear layers here, [out, in]
// (framework/infer/hugging_face.h transposes). Input: ids i64 [N, T]; output: [N, T, V], of the
// next token at each place. The output layer is the embedding's table unless model.tie is false.
// Beyond GPT-2: RMS norms (model.norm_type), rotary positions (model.positions) and SwiGLU
// (model.activation).
#pragma once

#include "layers/models/language.h"
#include "layers/models/step_decoder.h"

namespace tessera {

class Gpt2 : public Scope, public StepDecoder {
 public:
  Gpt2(const ModelConfig& config, const ModelInput& input);

  const char* kind() const override { return "Gpt2"; }
  Tensor forward_batch(const std::vector<Tensor>& inputs) override;
  Logits forward_logits(const std::vector<Tensor>& inputs) override;
  DecoderState begin(const std::vector<Tensor>&) override;
  Tensor step(const Tensor& ids, DecoderState& state) override;
  int64_t max_positions() const override { return position_ids_.count(); }

  /// GPT-2's initialisation after initialize(..., Initialization::normal): weights that end in a
  /// residual sum are divided by sqrt(2 * layers).
  void scale_residual_weights();

 private:
  /// What the output layer is given.
  Tensor hidden(const Tensor& ids, KeyValueCache* cache);
  Tensor compute(const Tensor& ids, KeyValueCache* cache);

  PositionIds position_ids_;
  Embedding *words_, *positions_ = nullptr;  ///< no positions: attention turns by them
  Dropout* dropout_;
  std::vector<TransformerLayer*> layers_;
  Module* norm_;
  Linear* head_ = nullptr;
};

}  // namespace tessera

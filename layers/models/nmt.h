// The LSTM translator: a bidirectional encoder, a decoder that starts from its final states, and
// Luong's global attention (Luong et al., "Effective approaches to attention-based neural machine
// translation", 2015, sections 3 and 3.1, the score `general`, without input feeding):
//   a[t, s] = softmax over s < source_length of  (h[t] Wa) . m[s],   c[t] = sum_s a[t, s] m[s],
//   y[t] = tanh([c[t], h[t]] Wc) Wo + bo.
// h: the decoder's output, m: the encoder's, both of width hidden_size: each direction of the
// encoder has half of it. Inputs: source i64 [N, S], source_lengths i64 [N], target_in i64 [N, T];
// output: [N, T, V]. Wo is the target's table of embeddings unless model.tie is false.
#pragma once

#include "layers/lstm.h"
#include "layers/models/language.h"
#include "layers/models/step_decoder.h"

namespace tessera {

class Nmt : public Scope, public StepDecoder {
 public:
  /// Throws: std::invalid_argument unless hidden_size is even.
  Nmt(const ModelConfig& config, const ModelInput& input);

  const char* kind() const override { return "Nmt"; }
  Tensor forward_batch(const std::vector<Tensor>& inputs) override;

  DecoderState begin(const std::vector<Tensor>& inputs) override;
  Tensor step(const Tensor& ids, DecoderState& state) override;
  int64_t max_positions() const override { return 0; }

 private:
  /// The encoder's final states as the decoder's first: [layers, N, hidden_size].
  Tensor joined_directions(const Tensor& states) const;
  Tensor attend(const Tensor& h, const Tensor& memory, const Tensor& memory_lengths);

  int64_t width_, layers_;
  Embedding *source_words_, *target_words_;
  Dropout* dropout_;
  LSTM *encoder_, *decoder_;
  Linear *score_, *combine_, *head_ = nullptr;
  Tensor head_bias_;
};

}  // namespace tessera

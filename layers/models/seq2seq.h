// The encoder-decoder Transformer (Vaswani et al., "Attention is all you need", 2017) with the
// names of Hugging Face's BART and Marian. Inputs: source i64 [N, S], source_lengths i64 [N],
// target_in i64 [N, T]; output: [N, T, V], of the next target token at each place. Embeddings are
// multiplied by sqrt(width), positions are sinusoidal. Pre-norm stacks end in a norm of their own.
// The output layer is the target's table of embeddings unless model.tie is false; with
// model.share_embeddings, source and target have one table.
#pragma once

#include "layers/models/language.h"
#include "layers/models/step_decoder.h"

namespace tessera {

class Seq2Seq : public Scope, public StepDecoder {
 public:
  /// Throws: std::invalid_argument for options that do not fit, such as one table of embeddings for
  /// vocabularies of unequal sizes.
  Seq2Seq(const ModelConfig& config, const ModelInput& input);

  const char* kind() const override { return "Seq2Seq"; }
  Tensor forward_batch(const std::vector<Tensor>& inputs) override;
  Logits forward_logits(const std::vector<Tensor>& inputs) override;

  /// The encoder's output [N, S, width].
  Tensor encode(const Tensor& source, const Tensor& lengths);
  DecoderState begin(const std::vector<Tensor>& inputs) override;
  Tensor step(const Tensor& ids, DecoderState& state) override;
  int64_t max_positions() const override { return positions_.count(); }

  /// After initialize(): embeddings N(0, 1/width), so that their products with the output are of
  /// order 1.
  void scale_embeddings();

 private:
  Tensor embed(Embedding& table, const Tensor& ids, int64_t begin);
  /// What the output layer is given, and its logits.
  Tensor hidden(const Tensor& ids, const Tensor& memory, const Tensor& memory_lengths,
                KeyValueCache* cache);
  Tensor decode(const Tensor& ids, const Tensor& memory, const Tensor& memory_lengths,
                KeyValueCache* cache);

  TransformerOptions options_;
  SinusoidalPositions positions_;
  Embedding *source_words_, *target_words_;
  Dropout* dropout_;
  std::vector<TransformerLayer*> encoder_, decoder_;
  LayerNorm *encoder_norm_ = nullptr, *decoder_norm_ = nullptr;
  Linear* head_ = nullptr;
};

}  // namespace tessera

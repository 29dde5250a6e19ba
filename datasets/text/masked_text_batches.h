// Batches of texts with hidden tokens, for masked language modelling (Devlin et al., "BERT", 2019):
// {ids i64 [N, T], lengths i64 [N], segments i64 [N, T]} and targets [N, T].
//
// Of a text of n tokens without its special ones, round(0.15 n), at least one, are drawn by (seed,
// epoch, text). Their targets are the tokens that stood there, all others are -100
// (kIgnoredLabel). Of those drawn 80% become the mask token, 10% a token of the vocabulary that is
// not special, and 10% stay.
#pragma once

#include <vector>

#include "datasets/text/length_batch_source.h"
#include "datasets/text/text_rows.h"
#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

/// What stands for what is hidden.
struct MaskTokens {
  int32_t mask = 0;
  int32_t pad = 0;
  std::vector<int32_t> plain = {};  ///< all tokens that are not special
};

/// Throws: std::invalid_argument where the vocabulary has no mask token, or only special tokens.
MaskTokens mask_tokens(const Tokenizer& tokenizer);

struct MaskedText {
  TextRow text;
  int64_t begin = 0, end = 0;  ///< the tokens that are not special; end > begin
};

struct MaskedTextOptions {
  LengthBatchOptions batches = {};
  uint64_t seed = 0;         ///< of what is hidden
  bool every_epoch = false;  ///< hides others in each epoch; else always those of epoch 0
};

class MaskedTextBatches : public LengthBatchSource {
 public:
  MaskedTextBatches(std::vector<MaskedText> texts, MaskTokens tokens, MaskedTextOptions options);

  bool labels_tokens() const override { return true; }

 private:
  Batch prepare(const LengthBatches::Samples& chosen, uint32_t epoch, int64_t index) const override;
  void hide(int64_t text, uint32_t epoch, int64_t* ids, int64_t* target) const;

  const std::vector<MaskedText> texts_;
  const MaskTokens tokens_;
  const MaskedTextOptions options_;
};

}  // namespace tessera

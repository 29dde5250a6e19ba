// Batches of sentence pairs for teacher forcing: {source i64 [N, S], source_lengths i64 [N],
// target_in i64 [N, T]} and targets [N, T]. The source ends with the end token; target_in is the
// begin token and the sentence, the target the sentence and the end token, -100 (kIgnoredLabel)
// beyond it. S and T are the longest of the batch, padded to multiples of 8.
#pragma once

#include <vector>

#include "datasets/text/length_batch_source.h"
#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

struct SentencePair {
  std::vector<int32_t> source;  ///< with the end token
  std::vector<int32_t> target;  ///< with the end token
};

/// The begin, end and padding token of a language; cls and sep stand for begin and end where there
/// are none, token 0 for padding.
struct SentenceTokens {
  int32_t begin = 0;
  int32_t end = 0;
  int32_t pad = 0;
};
/// Throws: std::invalid_argument where the vocabulary has neither; `what` names the tokenizer.
SentenceTokens sentence_tokens(const Tokenizer& tokenizer, const char* what);

class TranslationBatches : public LengthBatchSource {
 public:
  TranslationBatches(std::vector<SentencePair> pairs, int32_t source_pad, SentenceTokens target,
                     LengthBatchOptions options);

  bool labels_tokens() const override { return true; }

 private:
  Batch prepare(const LengthBatches::Samples& chosen, uint32_t epoch, int64_t index) const override;

  const std::vector<SentencePair> pairs_;
  const int32_t source_pad_;
  const SentenceTokens target_;
};

}  // namespace tessera

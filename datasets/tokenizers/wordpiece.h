// WordPiece as BERT has it: bert_words.h, then for each word the longest pieces of the vocabulary
// from left to right, those after the first written "##piece". Schuster and Nakajima, "Japanese and
// Korean voice search", 2012; Devlin et al., "BERT", 2018.
#pragma once

#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

/// Special tokens: [PAD], [UNK], [CLS], [SEP], [MASK]; unknown must be there. A word that the
/// pieces cannot make up, or of more than 100 characters, is unknown as a whole. decode() joins the
/// pieces, puts one space between words, and takes away those before . ? ! , and contractions, as
/// Hugging Face's decoder does.
class WordPiece : public Tokenizer {
 public:
  explicit WordPiece(TokenizerData data);

  static constexpr std::string_view kContinuation = "##";
  static constexpr size_t kLongestWord = 100;

 protected:
  void encode_plain(std::string_view text, std::vector<int32_t>& ids) const override;
  std::string join(std::span<const int32_t> ids) const override;

 private:
  void encode_word(std::string_view word, std::vector<int32_t>& ids) const;

  std::unordered_map<std::string_view, int32_t> continuations_;  // without their "##"
  size_t longest_token_ = 0;                                     // in bytes
};

}  // namespace tessera

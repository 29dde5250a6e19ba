// WordPiece as BERT has it: bert_words.h, then for each word the longest pieces of the vocabulary
// from left to right, those after the first written "##piece". Schuster and Nakajima, "Japanese and
// Korean voice search", 2012; Devlin et al., "BERT", 2018.
#pragma once

#include "datasets/tokenizers/bert_words.h"
#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

/// Special tokens: [PAD], [UNK], [CLS], [SEP], [MASK]; unknown must be there. A word that the
/// pieces cannot make up, or of more than 100 characters, is unknown as a whole. decode() joins the
/// pieces, puts one space between words, and takes away those before . ? ! , and contractions, as
/// Hugging Face's decoder does.
class WordPiece : public Tokenizer {
 public:
  explicit WordPiece(TokenizerData data);

  /// Tokens and the bytes of the text that each stands for, of equal length.
  struct Pieces {
    std::vector<int32_t> ids;
    std::vector<TextSpan> spans;
  };
  /// As encode(), but special tokens that stand in the text are text. The span of an unknown token
  /// is its word; characters that were dropped from a text belong to no span but where they stand
  /// within one.
  Pieces encode_with_spans(std::string_view text) const;

  static constexpr std::string_view kContinuation = "##";
  static constexpr size_t kLongestWord = 100;

 protected:
  void encode_plain(std::string_view text, std::vector<int32_t>& ids) const override;
  std::string join(std::span<const int32_t> ids) const override;

 private:
  BertWords words_of(std::string_view text, bool keep_sources) const;
  void encode_word(const BertWords& words, const BertWord& word, std::vector<int32_t>& ids) const;
  void encode_pieces(std::string_view word, std::vector<int32_t>& ids) const;

  std::unordered_map<std::string_view, int32_t> continuations_;  // without their "##"
  size_t longest_token_ = 0;                                     // in bytes
};

}  // namespace tessera

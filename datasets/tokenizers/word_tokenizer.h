// One token a word: what stands between whitespace. For text that is tokenised already.
#pragma once

#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

/// Special tokens: <pad>, <unk>, <s>, </s>; unknown must be there. A vocabulary made with
/// options.lowercase holds lower-case words. decode() puts one space between words.
class WordTokenizer : public Tokenizer {
 public:
  explicit WordTokenizer(TokenizerData data);

 protected:
  void encode_plain(std::string_view text, std::vector<int32_t>& ids) const override;
  std::string join(std::span<const int32_t> ids) const override;
};

/// What the words are cut from: lower case where asked for, U+FFFD for invalid UTF-8.
std::string word_text(std::string_view text, bool lowercase);
/// The next word at or after `at`, which moves behind it; empty at the end of the text. Words end
/// at Unicode's White_Space.
std::string_view next_word(std::string_view text, size_t& at);

}  // namespace tessera

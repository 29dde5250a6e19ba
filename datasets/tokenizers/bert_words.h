// The words that BERT cuts text into before WordPiece: its BasicTokenizer, by the rules of Hugging
// Face's BertNormalizer and BertPreTokenizer.
//
// - Control characters (Cc, Cf, Co), U+0000 and U+FFFD, which stands for invalid UTF-8 too, are
//   dropped; tab, newline and carriage return are spaces.
// - Each CJK ideograph is a word.
// - strip_accents: the canonical decomposition without nonspacing marks.
// - Each punctuation character (P, and all of ASCII's symbols) is a word.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct BertTextOptions {
  bool lowercase = false;
  bool strip_accents = false;
  bool keep_sources = false;  ///< fills BertWords::sources
};

/// Bytes [begin, end) of a text.
struct TextSpan {
  size_t begin = 0, end = 0;

  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

struct BertWord {
  size_t start;  ///< in BertWords::text
  size_t bytes;
  size_t characters;
};

struct BertWords {
  std::string text;  ///< UTF-8: the words one after the other
  std::vector<BertWord> words;
  std::vector<TextSpan> sources = {};  ///< of each byte of `text`: the character that it came from

  std::string_view view(const BertWord& word) const {
    return std::string_view(text).substr(word.start, word.bytes);
  }
};

BertWords bert_words(std::string_view text, const BertTextOptions& options);

}  // namespace tessera

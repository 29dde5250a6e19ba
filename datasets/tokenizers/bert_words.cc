#include "datasets/tokenizers/bert_words.h"

#include <array>

#include "datasets/tokenizers/unicode.h"
#include "datasets/tokenizers/utf8.h"

namespace tessera {
namespace {

bool is_dropped(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return c == kReplacementCharacter || class_of(c) == CharacterClass::control;
}

/// The blocks that BERT takes for Chinese characters.
bool is_ideograph(char32_t c) {
  constexpr std::array<std::array<char32_t, 2>, 8> kBlocks{{{0x4E00, 0x9FFF},
                                                            {0x3400, 0x4DBF},
                                                            {0x20000, 0x2A6DF},
                                                            {0x2A700, 0x2B73F},
                                                            {0x2B740, 0x2B81F},
                                                            {0x2B920, 0x2CEAF},
                                                            {0xF900, 0xFAFF},
                                                            {0x2F800, 0x2FA1F}}};
  if (c < kBlocks[1][0]) return false;
  for (const auto& [first, last] : kBlocks)
    if (c >= first && c <= last) return true;
  return false;
}

bool is_punctuation(char32_t c) {
  if (c < 0x80)
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
  return class_of(c) == CharacterClass::punctuation;
}

/// Collects characters to words.
class WordBuilder {
 public:
  void add(char32_t c) {
    if (is_punctuation(c)) return add_alone(c);
    append_utf8(c, out_.text);
    ++characters_;
  }
  void add_alone(char32_t c) {
    end_word();
    append_utf8(c, out_.text);
    ++characters_;
    end_word();
  }
  void end_word() {
    if (characters_ > 0) out_.words.push_back({start_, out_.text.size() - start_, characters_});
    start_ = out_.text.size();
    characters_ = 0;
  }
  BertWords take() {
    end_word();
    return std::move(out_);
  }
  void reserve(size_t bytes) { out_.text.reserve(bytes); }
  /// What was added since the last call came from there.
  void mark_source(TextSpan source) { out_.sources.resize(out_.text.size(), source); }

 private:
  BertWords out_;
  size_t start_ = 0, characters_ = 0;
};

}  // namespace

BertWords bert_words(std::string_view text, const BertTextOptions& options) {
  WordBuilder words;
  words.reserve(text.size());
  std::u32string plain, cased;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = next_code_point(text, at);
    at += c.bytes;
    if (is_dropped(c.value)) continue;
    if (is_whitespace(c.value)) {
      words.end_word();
      continue;
    }
    const bool alone = is_ideograph(c.value);
    plain.clear();
    if (options.strip_accents)
      append_without_accents(c.value, plain);
    else
      plain.push_back(c.value);
    cased.clear();
    for (const char32_t part : plain)
      options.lowercase ? append_lower_case(part, cased) : cased.push_back(part);
    for (const char32_t part : cased) alone ? words.add_alone(part) : words.add(part);
    if (options.keep_sources) words.mark_source({at - c.bytes, at});
  }
  return words.take();
}

}  // namespace tessera

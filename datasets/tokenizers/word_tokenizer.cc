#include "datasets/tokenizers/word_tokenizer.h"

#include "datasets/tokenizers/unicode.h"
#include "datasets/tokenizers/utf8.h"

namespace tessera {

std::string word_text(std::string_view text, bool lowercase) {
  return lowercase ? lower_case(text) : replace_invalid_utf8(text);
}

std::string_view next_word(std::string_view text, size_t& at) {
  size_t start = text.npos;
  while (at < text.size()) {
    const CodePoint c = next_code_point(text, at);
    const bool space = is_whitespace(c.value);
    if (space && start != text.npos) break;
    if (!space && start == text.npos) start = at;
    at += c.bytes;
  }
  return start == text.npos ? std::string_view() : text.substr(start, at - start);
}

WordTokenizer::WordTokenizer(TokenizerData data)
    : Tokenizer(std::move(data),
                {.unknown_is_visible = true,
                 .needs_unknown = true,
                 .default_special = {
                     {"pad", "<pad>"}, {"unknown", "<unk>"}, {"begin", "<s>"}, {"end", "</s>"}}}) {}

void WordTokenizer::encode_plain(std::string_view text, std::vector<int32_t>& ids) const {
  const std::string readable = word_text(text, data().options.lowercase);
  size_t at = 0;
  for (std::string_view word; !(word = next_word(readable, at)).empty();)
    ids.push_back(find(word).value_or(special_tokens().unknown));
}

std::string WordTokenizer::join(std::span<const int32_t> ids) const {
  std::string text;
  for (const int32_t id : ids) {
    if (!text.empty()) text += ' ';
    text += token(id);
  }
  return text;
}

}  // namespace tessera

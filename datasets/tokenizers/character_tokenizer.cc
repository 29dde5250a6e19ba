#include "datasets/tokenizers/character_tokenizer.h"

#include "datasets/tokenizers/utf8.h"
#include "framework/core/errors.h"

namespace tessera {

CharacterTokenizer::CharacterTokenizer(TokenizerData data)
    : Tokenizer(std::move(data),
                {.unknown_is_visible = true,
                 .default_special = {
                     {"pad", "<pad>"}, {"unknown", "<unk>"}, {"begin", "<s>"}, {"end", "</s>"}}}) {}

void CharacterTokenizer::encode_plain(std::string_view text, std::vector<int32_t>& ids) const {
  ids.reserve(ids.size() + text.size());
  std::string character;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = next_code_point(text, at);
    at += c.bytes;
    character.clear();
    append_utf8(c.value, character);
    const int32_t id = find(character).value_or(special_tokens().unknown);
    require(id >= 0, "[characters] the vocabulary must hold \"", character,
            "\", since it has no unknown token; got neither.");
    ids.push_back(id);
  }
}

std::string CharacterTokenizer::join(std::span<const int32_t> ids) const {
  std::string text;
  for (const int32_t id : ids) text += token(id);
  return text;
}

}  // namespace tessera

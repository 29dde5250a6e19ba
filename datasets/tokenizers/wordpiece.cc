#include "datasets/tokenizers/wordpiece.h"

#include <algorithm>
#include <array>

namespace tessera {
namespace {

/// Hugging Face's clean-up of one token with the space before it.
std::string clean_up(std::string text) {
  using Rule = std::array<std::string_view, 2>;
  constexpr std::array<Rule, 11> kRules{{{" .", "."},
                                         {" ?", "?"},
                                         {" !", "!"},
                                         {" ,", ","},
                                         {" ' ", "'"},
                                         {" n't", "n't"},
                                         {" 'm", "'m"},
                                         {" do not", " don't"},
                                         {" 's", "'s"},
                                         {" 've", "'ve"},
                                         {" 're", "'re"}}};
  for (const auto& [from, to] : kRules)
    for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
      text.replace(at, from.size(), to);
  return text;
}

bool starts_character(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) != 0x80; }

}  // namespace

WordPiece::WordPiece(TokenizerData from)
    : Tokenizer(std::move(from), {.specials_in_text = true,
                                  .needs_unknown = true,
                                  .default_special = {{"pad", "[PAD]"},
                                                      {"unknown", "[UNK]"},
                                                      {"cls", "[CLS]"},
                                                      {"sep", "[SEP]"},
                                                      {"mask", "[MASK]"}}}) {
  for (size_t id = 0; id < data().tokens.size(); ++id) {
    const std::string_view token = data().tokens[id];
    longest_token_ = std::max(longest_token_, token.size());
    if (token.size() > kContinuation.size() && token.starts_with(kContinuation))
      continuations_.emplace(token.substr(kContinuation.size()), static_cast<int32_t>(id));
  }
}

void WordPiece::encode_plain(std::string_view text, std::vector<int32_t>& ids) const {
  const BertWords words = words_of(text, false);
  ids.reserve(ids.size() + words.words.size());
  for (const BertWord& word : words.words) encode_word(words, word, ids);
}

WordPiece::Pieces WordPiece::encode_with_spans(std::string_view text) const {
  const BertWords words = words_of(text, true);
  Pieces out;
  for (const BertWord& word : words.words) {
    const size_t first = out.ids.size();
    encode_word(words, word, out.ids);
    size_t begin = word.start;
    for (size_t i = first; i < out.ids.size(); ++i) {
      const std::string_view piece = token(out.ids[i]);
      size_t bytes = piece.size() - (i > first ? kContinuation.size() : 0);
      if (out.ids[i] == special_tokens().unknown) bytes = word.bytes;
      out.spans.push_back({words.sources[begin].begin, words.sources[begin + bytes - 1].end});
      begin += bytes;
    }
  }
  return out;
}

BertWords WordPiece::words_of(std::string_view text, bool keep_sources) const {
  const TokenizerOptions& options = data().options;
  return bert_words(text, {.lowercase = options.lowercase,
                           .strip_accents = options.strip_accents.value_or(options.lowercase),
                           .keep_sources = keep_sources});
}

void WordPiece::encode_word(const BertWords& words, const BertWord& word,
                            std::vector<int32_t>& ids) const {
  if (word.characters > kLongestWord)
    ids.push_back(special_tokens().unknown);
  else
    encode_pieces(words.view(word), ids);
}

void WordPiece::encode_pieces(std::string_view word, std::vector<int32_t>& ids) const {
  const size_t before = ids.size();
  for (size_t start = 0; start < word.size();) {
    size_t end = std::min(word.size(), start + longest_token_);
    int32_t id = -1;
    for (; end > start; --end) {
      if (end < word.size() && !starts_character(word[end])) continue;
      const std::string_view piece = word.substr(start, end - start);
      if (start == 0) {
        id = find(piece).value_or(-1);
      } else if (const auto found = continuations_.find(piece); found != continuations_.end()) {
        id = found->second;
      }
      if (id >= 0) break;
    }
    if (id < 0) {
      ids.resize(before);
      ids.push_back(special_tokens().unknown);
      return;
    }
    ids.push_back(id);
    start = end;
  }
}

std::string WordPiece::join(std::span<const int32_t> ids) const {
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string_view piece = token(ids[i]);
    if (i == 0)
      text += clean_up(std::string(piece));
    else if (piece.starts_with(kContinuation))
      text += clean_up(std::string(piece.substr(kContinuation.size())));
    else
      text += clean_up(" " + std::string(piece));
  }
  return text;
}

}  // namespace tessera

#include "datasets/tokenizers/tokenizer.h"

#include <algorithm>
#include <array>

#include "framework/core/errors.h"

namespace tessera {
namespace {

struct Role {
  const char* name;
  int32_t SpecialTokens::*id;
};

constexpr std::array<Role, 7> kRoles{{{"pad", &SpecialTokens::pad},
                                      {"unknown", &SpecialTokens::unknown},
                                      {"begin", &SpecialTokens::begin},
                                      {"end", &SpecialTokens::end},
                                      {"cls", &SpecialTokens::cls},
                                      {"sep", &SpecialTokens::sep},
                                      {"mask", &SpecialTokens::mask}}};

int32_t SpecialTokens::*find_role(const std::string& type, const std::string& name) {
  const auto found = std::find_if(kRoles.begin(), kRoles.end(),
                                  [&](const Role& role) { return role.name == name; });
  require(found != kRoles.end(), "[", type,
          "] special tokens must be called pad, unknown, begin, end, cls, sep or mask; got \"",
          name, "\".");
  return found->id;
}

void append(Encoding& out, std::span<const int32_t> ids, int32_t type) {
  out.ids.insert(out.ids.end(), ids.begin(), ids.end());
  out.token_types.resize(out.ids.size(), type);
}

void append(Encoding& out, int32_t id, int32_t type) {
  if (id >= 0) append(out, std::span(&id, 1), type);
}

/// Hugging Face's longest_first: the shorter text stays whole where it leaves half the room.
void cut_longest_first(std::vector<int32_t>& first, std::vector<int32_t>& second, size_t room) {
  if (first.size() + second.size() <= room) return;
  auto& shorter = first.size() > second.size() ? second : first;
  auto& longer = first.size() > second.size() ? first : second;
  const size_t kept = std::min(shorter.size(), room / 2);
  shorter.resize(kept);
  longer.resize(room - kept);
}

}  // namespace

Tokenizer::Tokenizer(TokenizerData data, const Traits& traits)
    : data_(std::move(data)),
      specials_in_text_(traits.specials_in_text),
      unknown_is_visible_(traits.unknown_is_visible) {
  index_tokens();
  resolve_special(traits);
}

void Tokenizer::index_tokens() {
  const auto& tokens = data_.tokens;
  require(!tokens.empty(), "[", data_.type, "] the vocabulary must hold tokens; got none.");
  ids_.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    require(!tokens[i].empty(), "[", data_.type, "] tokens must not be empty; got \"\" as id ", i,
            ".");
    const auto [entry, is_first] = ids_.emplace(tokens[i], static_cast<int32_t>(i));
    require(is_first, "[", data_.type, "] each token must stand once; got \"", tokens[i],
            "\" as ids ", entry->second, " and ", i, ".");
  }
}

void Tokenizer::resolve_special(const Traits& traits) {
  for (const auto& [role, token] : traits.default_special) {
    int32_t& id = special_.*find_role(data_.type, role);
    if (id < 0 && !data_.options.special.contains(role)) id = find(token).value_or(-1);
  }
  for (const auto& [role, token] : data_.options.special) set_special(role, token);
  require(
      !traits.needs_unknown || special_.unknown >= 0, "[", data_.type,
      "] the vocabulary must hold the unknown token, [UNK] or <unk>; got none. Are the files of "
      "this type? Otherwise add it (from C++, TokenizerOptions::special may name another).");
  for (const Role& role : kRoles)
    if (const int32_t id = special_.*role.id; id >= 0) special_starts_.push_back(token(id).front());
}

void Tokenizer::set_special(const std::string& role, const std::string& token) {
  int32_t& id = special_.*find_role(data_.type, role);
  const auto found = find(token);
  require(found || token.empty(), "[", data_.type, "] the vocabulary must hold the special token ",
          role, "; got none called \"", token, "\".");
  id = found.value_or(-1);
}

std::string_view Tokenizer::token(int32_t id) const {
  require(id >= 0 && id < size(), "[", data_.type, "] token ids must be in [0, ", size(), "); got ",
          id, ".");
  return data_.tokens[static_cast<size_t>(id)];
}

std::optional<int32_t> Tokenizer::find(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

bool Tokenizer::is_special(int32_t id) const {
  return id >= 0 && std::any_of(kRoles.begin(), kRoles.end(),
                                [&](const Role& role) { return special_.*role.id == id; });
}

/// Where the next special token starts, and its id; npos where there is none. The longest wins.
std::pair<size_t, int32_t> Tokenizer::find_special(std::string_view text, size_t from) const {
  for (size_t at = from; (at = text.find_first_of(special_starts_, at)) != text.npos; ++at) {
    int32_t best = -1;
    for (const Role& role : kRoles) {
      const int32_t id = special_.*role.id;
      if (id < 0 || !text.substr(at).starts_with(token(id))) continue;
      if (best < 0 || token(id).size() > token(best).size()) best = id;
    }
    if (best >= 0) return {at, best};
  }
  return {text.npos, -1};
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  size_t at = 0;
  while (specials_in_text_ && at < text.size()) {
    const auto [start, id] = find_special(text, at);
    if (start == text.npos) break;
    if (start > at) encode_plain(text.substr(at, start - at), ids);
    ids.push_back(id);
    at = start + token(id).size();
  }
  if (at < text.size()) encode_plain(text.substr(at), ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool keep_special) const {
  std::vector<int32_t> shown;
  shown.reserve(ids.size());
  for (const int32_t id : ids) {
    token(id);
    const bool visible = unknown_is_visible_ && id == special_.unknown;
    if (keep_special || visible || !is_special(id)) shown.push_back(id);
  }
  return join(shown);
}

Encoding Tokenizer::encode_with_specials(std::string_view text, int64_t max_length) const {
  const bool bert = special_.cls >= 0 && special_.sep >= 0;
  const bool adds = bert || special_.begin != special_.end;
  const int32_t begin = bert ? special_.cls : adds ? special_.begin : -1;
  const int32_t end = bert ? special_.sep : adds ? special_.end : -1;
  std::vector<int32_t> ids = encode(text);
  const int64_t added = (begin >= 0) + (end >= 0);
  require(max_length == 0 || max_length >= added, "[", data_.type,
          "] max_length must leave room for the special tokens, ", added, "; got ", max_length,
          ".");
  const auto room = static_cast<size_t>(max_length - added);
  if (max_length > 0 && ids.size() > room) ids.resize(room);
  Encoding out;
  append(out, begin, 0);
  append(out, ids, 0);
  append(out, end, 0);
  return out;
}

Encoding Tokenizer::encode_with_specials(std::string_view text, std::string_view pair,
                                         int64_t max_length) const {
  const bool bert = special_.cls >= 0 && special_.sep >= 0;
  const int32_t begin = bert ? special_.cls : special_.begin;
  const int32_t end = bert ? special_.sep : special_.end;
  require(end >= 0, "[", data_.type,
          "] pairs of texts need the special tokens cls and sep, or end; the vocabulary has "
          "neither.");
  const int64_t added = 2 + (begin >= 0);
  require(max_length == 0 || max_length >= added, "[", data_.type,
          "] max_length must leave room for the special tokens, ", added, "; got ", max_length,
          ".");
  std::vector<int32_t> first = encode(text), second = encode(pair);
  if (max_length > 0) cut_longest_first(first, second, static_cast<size_t>(max_length - added));
  Encoding out;
  append(out, begin, 0);
  append(out, first, 0);
  append(out, end, 0);
  append(out, second, 1);
  append(out, end, 1);
  return out;
}

}  // namespace tessera

// A tokenizer as JSON text: what a model file holds of it.
#include <nlohmann/json.hpp>

#include "datasets/tokenizers/make_tokenizer.h"
#include "framework/core/errors.h"
#include "framework/io/html.h"

namespace tessera {
namespace {

using nlohmann::json;

/// RFC 4648, with padding; the inverse of base64() in framework/io/html.h.
std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve(text.size() / 4 * 3);
  uint32_t bits = 0, count = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    require(digit != kDigits.npos, "[tokenizer] \"model\" must be base64; got the character '", c,
            "'.");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xFF));
  }
  return out;
}

json options_to_json(const TokenizerOptions& options) {
  json out{{"lowercase", options.lowercase}, {"add_prefix_space", options.add_prefix_space}};
  if (options.strip_accents) out["strip_accents"] = *options.strip_accents;
  if (!options.special.empty()) out["special"] = options.special;
  return out;
}

TokenizerOptions options_from_json(const json& from) {
  TokenizerOptions out;
  out.lowercase = from.at("lowercase").get<bool>();
  out.add_prefix_space = from.at("add_prefix_space").get<bool>();
  if (from.contains("strip_accents")) out.strip_accents = from.at("strip_accents").get<bool>();
  if (from.contains("special")) from.at("special").get_to(out.special);
  return out;
}

}  // namespace

std::string Tokenizer::serialize() const {
  json out{{"type", data_.type}, {"options", options_to_json(data_.options)}};
  if (data_.model.empty())
    out["tokens"] = data_.tokens;
  else
    out["model"] = base64(data_.model);
  if (!data_.merges.empty()) out["merges"] = data_.merges;
  return out.dump();
}

std::unique_ptr<Tokenizer> deserialize_tokenizer(std::string_view text) {
  TokenizerData data;
  try {
    const json from = json::parse(text);
    from.at("type").get_to(data.type);
    data.options = options_from_json(from.at("options"));
    if (from.contains("tokens")) from.at("tokens").get_to(data.tokens);
    if (from.contains("merges")) from.at("merges").get_to(data.merges);
    if (from.contains("model")) data.model = from_base64(from.at("model").get<std::string>());
  } catch (const json::exception& error) {
    fail("[tokenizer] the text must be what Tokenizer::serialize() writes; got: ", error.what(),
         ".");
  }
  return make_tokenizer(std::move(data));
}

}  // namespace tessera

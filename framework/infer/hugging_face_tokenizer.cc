#include "framework/infer/hugging_face_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "datasets/read_file.h"
#include "datasets/tokenizers/make_tokenizer.h"
#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kTokenizerConfig = "tokenizer_config.json";

/// A key of tokenizer_config.json, what its token is here, and which it mostly is.
struct SpecialToken {
  std::string_view type;
  const char *key, *role;
  int32_t SpecialTokens::*id;
  const char* usual;
};

constexpr SpecialToken kSpecialTokens[] = {
    {"wordpiece", "pad_token", "pad", &SpecialTokens::pad, "[PAD]"},
    {"wordpiece", "unk_token", "unknown", &SpecialTokens::unknown, "[UNK]"},
    {"wordpiece", "cls_token", "cls", &SpecialTokens::cls, "[CLS]"},
    {"wordpiece", "sep_token", "sep", &SpecialTokens::sep, "[SEP]"},
    {"wordpiece", "mask_token", "mask", &SpecialTokens::mask, "[MASK]"},
    {"bpe", "bos_token", "begin", &SpecialTokens::begin, "<|endoftext|>"},
    {"bpe", "eos_token", "end", &SpecialTokens::end, "<|endoftext|>"}};

/// What tokenizer_config.json says, beside the vocabulary in `spec`.
void read_tokenizer_config(const fs::path& path, TokenizerData& data) {
  const json root = json::parse(read_file_text("import", path), nullptr, false);
  require(root.is_object(), "[import] ", path.string(),
          " must be a JSON object; got something else.");
  const auto flag = [&](const char* key) -> std::optional<bool> {
    const auto found = root.find(key);
    if (found == root.end() || !found->is_boolean()) return {};
    return found->get<bool>();
  };
  const bool is_bert = data.type == "wordpiece";
  TokenizerOptions& options = data.options;
  options.lowercase = is_bert && flag("do_lower_case").value_or(true);
  if (const auto strips = flag("strip_accents"); is_bert && strips != options.lowercase)
    options.strip_accents = strips;
  options.add_prefix_space = flag("add_prefix_space").value_or(false);
  for (const auto& [key, supported] : {std::pair{"tokenize_chinese_chars", true},
                                       {"do_basic_tokenize", true},
                                       {"add_bos_token", false}})
    require(
        flag(key).value_or(supported) == supported, "[import] '", key, "' in ", path.string(),
        " must be ", supported ? "true" : "false",
        ", the one that is supported; got the other. Without the vocabulary's files the weights "
        "are imported alone.");
  for (const auto& [type, key, role, id, usual] : kSpecialTokens) {
    const json token = root.value(key, json{});
    const json text = token.is_object() ? token.value("content", json{}) : token;
    // The usual one is left unsaid, so that it is the tokenizer that the vocabulary alone makes.
    if (type == data.type && text.is_string() && text != usual &&
        std::ranges::count(data.tokens, text.get<std::string>()) > 0)
      options.special[role] = text.get<std::string>();
  }
}

}  // namespace

std::string read_hugging_face_tokenizer(const fs::path& folder, const ModelConfig& model) {
  const bool is_bert = model.type == "bert";
  if (!fs::exists(folder / (is_bert ? "vocab.txt" : "vocab.json"))) return {};
  TokenizerData data = read_tokenizer({.type = is_bert ? "wordpiece" : "bpe", .files = {folder}});
  data.options.lowercase = is_bert;  // as transformers' BertTokenizer
  if (const fs::path config = folder / kTokenizerConfig; fs::exists(config))
    read_tokenizer_config(config, data);
  const auto tokenizer = make_tokenizer(std::move(data));
  require(tokenizer->size() <= model.vocab_size, "[import] the vocabulary in ", folder.string(),
          " must have at most the ", model.vocab_size, " tokens of its model; got ",
          tokenizer->size(), ".");
  require(
      !is_bert || (tokenizer->special_tokens().cls >= 0 && tokenizer->special_tokens().sep >= 0),
      "[import] the vocabulary in ", folder.string(),
      " must hold [CLS] and [SEP], or what tokenizer_config.json names in their place; got "
      "neither or one.");
  return tokenizer->serialize();
}

std::vector<fs::path> write_hugging_face_tokenizer(const std::string& serialized,
                                                   const fs::path& folder) {
  const auto tokenizer = deserialize_tokenizer(serialized);
  const TokenizerData& data = tokenizer->data();
  const bool is_bert = data.type == "wordpiece";
  if (!is_bert && data.type != "bpe") return {};
  nlohmann::ordered_json config;
  config["tokenizer_class"] = is_bert ? "BertTokenizer" : "GPT2Tokenizer";
  if (is_bert) config["do_lower_case"] = data.options.lowercase;
  if (data.options.strip_accents) config["strip_accents"] = *data.options.strip_accents;
  if (!is_bert) config["add_prefix_space"] = data.options.add_prefix_space;
  for (const auto& [type, key, role, id, usual] : kSpecialTokens)
    if (type == data.type && tokenizer->special_tokens().*id >= 0)
      config[key] = tokenizer->token(tokenizer->special_tokens().*id);
  std::vector<fs::path> written = write_tokenizer(data, folder);
  written.push_back(folder / kTokenizerConfig);
  write_file_atomically(written.back(), config.dump(2) + "\n");
  return written;
}

}  // namespace tessera

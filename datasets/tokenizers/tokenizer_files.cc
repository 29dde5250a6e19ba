// vocab.txt, vocab.json, merges.txt: reading and writing.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "datasets/read_file.h"
#include "datasets/tokenizers/make_tokenizer.h"
#include "datasets/tokenizers/utf8.h"
#include "framework/core/errors.h"
#include "framework/io/atomic_file.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string read_text(const TokenizerSpec& spec, const fs::path& path) {
  const std::vector<uint8_t> bytes = read_file(spec.type, path);
  std::string text(
      without_byte_order_mark({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  require(is_valid_utf8(text), "[", spec.type, "] ", path.string(),
          " must be UTF-8; got other bytes.");
  return text;
}

/// Calls use(line, number), number from 1, for each line, without its end (\n or \r\n).
template <class Use>
void for_each_line(std::string_view text, Use use) {
  for (size_t start = 0, number = 1; start < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line, number);
    start = end + 1;
  }
}

void read_vocabulary_lines(const TokenizerSpec& spec, const fs::path& path, TokenizerData& data) {
  for_each_line(read_text(spec, path), [&](std::string_view line, size_t number) {
    require(!line.empty(), "[", spec.type, "] ", path.string(), ":", number,
            ": each line must hold a token; got an empty line.");
    data.tokens.emplace_back(line);
  });
}

void read_vocabulary_json(const TokenizerSpec& spec, const fs::path& path, TokenizerData& data) {
  const std::string where = "[" + spec.type + "] " + path.string();
  std::set<std::string> seen;
  std::string twice;
  const auto note_key = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::key && !seen.insert(value.get<std::string>()).second)
      twice = value.get<std::string>();
    return true;
  };
  json root;
  try {
    root = json::parse(read_text(spec, path), note_key);
  } catch (const json::exception& error) {
    fail(where, " must be a JSON object of tokens and ids; got: ", error.what(), ".");
  }
  require(root.is_object(), where, " must be a JSON object of tokens and ids; got ",
          root.type_name(), ".");
  require(twice.empty(), where, ": each token must stand once; got \"", twice, "\" twice.");
  data.tokens.resize(root.size());
  for (const auto& [token, id] : root.items()) {
    require(id.is_number_integer(), where, ": ids must be integers; got ", id.dump(), " for \"",
            token, "\".");
    const auto index = id.get<int64_t>();
    require(index >= 0 && index < static_cast<int64_t>(root.size()), where, ": the ids of ",
            root.size(), " tokens must be 0 to ", root.size() - 1, "; got ", index, " for \"",
            token, "\".");
    std::string& place = data.tokens[static_cast<size_t>(index)];
    require(place.empty(), where, ": each id must stand once; got ", index, " for \"", place,
            "\" and \"", token, "\".");
    place = token;
  }
}

void read_merges(const TokenizerSpec& spec, const fs::path& path, TokenizerData& data) {
  for_each_line(read_text(spec, path), [&](std::string_view line, size_t number) {
    if (number == 1 && line.starts_with("#version")) return;
    if (line.empty()) return;
    const size_t space = line.find(' ');
    require(space != line.npos && space > 0 && space + 1 < line.size() &&
                line.find(' ', space + 1) == line.npos,
            "[", spec.type, "] ", path.string(), ":", number,
            ": each line must hold two symbols with one space between; got \"", line, "\".");
    data.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  });
}

void read_model(const TokenizerSpec& spec, const fs::path& path, TokenizerData& data) {
  const std::vector<uint8_t> bytes = read_file(spec.type, path);
  data.model.assign(bytes.begin(), bytes.end());
}

std::string vocabulary_lines(const TokenizerData& data) {
  std::string text;
  for (const std::string& token : data.tokens) text += token + "\n";
  return text;
}

std::string vocabulary_json(const TokenizerData& data) {
  nlohmann::ordered_json root = nlohmann::ordered_json::object();
  // Not root[token] = i, which searches the object for each token.
  auto& members = root.get_ref<nlohmann::ordered_json::object_t&>();
  for (size_t i = 0; i < data.tokens.size(); ++i)
    static_cast<std::vector<nlohmann::ordered_json::object_t::value_type>&>(members).emplace_back(
        data.tokens[i], i);
  return root.dump() + "\n";
}

std::string merge_lines(const TokenizerData& data) {
  std::string text = "#version: 0.2\n";
  for (const auto& [left, right] : data.merges) text += left + " " + right + "\n";
  return text;
}

std::string model_bytes(const TokenizerData& data) { return data.model; }

struct TokenizerFile {
  const char* type;
  const char* name;
  void (*read)(const TokenizerSpec&, const fs::path&, TokenizerData&);
  std::string (*contents)(const TokenizerData&);
};

constexpr TokenizerFile kFiles[] = {
    {"characters", "vocab.json", read_vocabulary_json, vocabulary_json},
    {"words", "vocab.txt", read_vocabulary_lines, vocabulary_lines},
    {"wordpiece", "vocab.txt", read_vocabulary_lines, vocabulary_lines},
    {"bpe", "vocab.json", read_vocabulary_json, vocabulary_json},
    {"bpe", "merges.txt", read_merges, merge_lines},
    {"sentencepiece", "sentencepiece.model", read_model, model_bytes}};

std::vector<TokenizerFile> files_of(const std::string& type) {
  std::vector<TokenizerFile> out;
  for (const TokenizerFile& file : kFiles)
    if (file.type == type) out.push_back(file);
  require(!out.empty(),
          "[tokenizer] type must be characters, words, wordpiece, bpe or sentencepiece; got \"",
          type, "\".");
  return out;
}

}  // namespace

TokenizerData read_tokenizer(const TokenizerSpec& spec) {
  const std::vector<TokenizerFile> files = files_of(spec.type);
  std::vector<fs::path> paths = spec.files;
  std::error_code ignored;
  if (paths.size() == 1 && fs::is_directory(paths[0], ignored)) {
    const fs::path folder = paths[0];
    paths.clear();
    for (const TokenizerFile& file : files) paths.push_back(folder / file.name);
  }
  std::string names;
  for (const TokenizerFile& file : files)
    names += std::string(names.empty() ? "" : ", ") + file.name;
  require(paths.size() == files.size(), "[", spec.type, "] files must be ", names,
          ", in this order, or the folder that holds them; got ", paths.size(), " paths.");
  TokenizerData data{.type = spec.type, .options = spec.options};
  for (size_t i = 0; i < files.size(); ++i) files[i].read(spec, paths[i], data);
  return data;
}

std::vector<fs::path> write_tokenizer(const TokenizerData& data, const fs::path& folder) {
  const std::vector<TokenizerFile> files = files_of(data.type);
  std::error_code error;
  fs::create_directories(folder, error);
  require_runtime(!error, "[", data.type, "] ", folder.string(),
                  " must be a folder that can be written; got: ", error.message(), ".");
  std::vector<fs::path> written;
  for (const TokenizerFile& file : files) {
    written.push_back(folder / file.name);
    write_file_atomically(written.back(), file.contents(data));
  }
  return written;
}

}  // namespace tessera

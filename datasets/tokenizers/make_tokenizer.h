// Tokenizers from files, and back.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

/// | type | files |
/// |---|---|
/// | characters | vocab.json |
/// | words, wordpiece | vocab.txt |
/// | bpe | vocab.json, merges.txt |
/// | sentencepiece | one .model |
/// vocab.txt holds a token a line, in the order of ids; vocab.json is an object of tokens and ids;
/// merges.txt holds two symbols a line after an optional line "#version: ...": Hugging Face's
/// formats.
struct TokenizerSpec {
  std::string type;
  std::vector<std::filesystem::path> files;  ///< in the order of the table; or the folder with them
  TokenizerOptions options = {};
};

/// Throws: std::runtime_error for a file that cannot be read; std::invalid_argument, naming file
/// and line, for one that is malformed.
TokenizerData read_tokenizer(const TokenizerSpec& spec);

/// Writes the files of the table into `folder`, which is made where it is missing.
/// Throws: std::runtime_error where that fails.
std::vector<std::filesystem::path> write_tokenizer(const TokenizerData& data,
                                                   const std::filesystem::path& folder);

/// Throws: std::invalid_argument for an unknown type or data that do not fit together.
std::unique_ptr<Tokenizer> make_tokenizer(TokenizerData data);
std::unique_ptr<Tokenizer> make_tokenizer(const TokenizerSpec& spec);

/// REQUIRES: the text comes from Tokenizer::serialize().
/// Throws: std::invalid_argument saying what is wrong with it.
std::unique_ptr<Tokenizer> deserialize_tokenizer(std::string_view json);

}  // namespace tessera

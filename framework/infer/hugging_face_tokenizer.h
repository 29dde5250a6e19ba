// The vocabularies of transformers' BertTokenizer (vocab.txt) and GPT2Tokenizer (vocab.json and
// merges.txt), with their tokenizer_config.json.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/io/config.h"

namespace tessera {

/// The tokenizer in the folder of a bert or gpt2 as Tokenizer::serialize() has it; empty where
/// there is none. Throws: std::invalid_argument for what is not supported, or does not fit.
std::string read_hugging_face_tokenizer(const std::filesystem::path& folder,
                                        const ModelConfig& model);

/// Writes a serialized tokenizer; returns the files, none for one that transformers has no class
/// for: of another type than wordpiece and bpe.
std::vector<std::filesystem::path> write_hugging_face_tokenizer(
    const std::string& serialized, const std::filesystem::path& folder);

}  // namespace tessera

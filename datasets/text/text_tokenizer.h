// The tokenizer that a config asks for: read from its files, or made from the training text.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"
#include "framework/io/config.h"

namespace tessera {

/// `folder`: where data.tokenizer.files are looked for besides the present one. `lines`: what to
/// learn a vocabulary from, used where no files are given; equal lines give equal tokenizers.
/// `is_sentence`: texts get begin and end tokens, which the vocabulary must hold.
/// Throws: std::runtime_error for files that are missing; std::invalid_argument for malformed ones
/// and impossible sizes.
std::shared_ptr<const Tokenizer> text_tokenizer(const TokenizerConfig& config,
                                                const std::filesystem::path& folder,
                                                const std::vector<std::string>& lines,
                                                bool is_sentence);

}  // namespace tessera

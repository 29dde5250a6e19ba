// Vocabularies from text. Deterministic: equal files give equal tokenizers, whatever the machine.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

struct TrainTokenizerOptions {
  std::string type;           ///< as TokenizerData's
  int64_t vocab_size = 8000;  ///< at most, with special tokens
  /// Words and characters (types words, characters) or pairs (wordpiece, bpe) that are rarer are
  /// left out; no effect on sentencepiece.
  int64_t min_count = 2;
  TokenizerOptions tokenizer = {};  ///< lowercase, strip_accents, add_prefix_space
  /// The first ids. Unless given: <pad> <unk> <s> </s>; wordpiece: [PAD] [UNK] [CLS] [SEP] [MASK];
  /// bpe: <|endoftext|>. sentencepiece has its own.
  std::optional<std::vector<std::string>> special_tokens = {};
};

/// - words: by falling count, then by bytes. characters: the most frequent, in the order of code
///   points.
/// - bpe: all 256 bytes, then the merges of the most frequent pair of symbols, of several the one
/// of
///   the lowest ids: the vocabulary of Hugging Face's BpeTrainer for the same lines.
/// - wordpiece: the same on BERT's words, as Hugging Face's WordPieceTrainer does; at most 1,000
///   characters.
/// Files are read line by line, without a byte order mark; a line's end belongs to it for bpe and
/// characters. Throws: std::runtime_error for a file that cannot be read; std::invalid_argument for
/// no files, a vocab_size that is too small for special tokens and bytes or characters, or text
/// without a single token.
TokenizerData train_tokenizer(const TrainTokenizerOptions& options,
                              std::span<const std::filesystem::path> files);
/// The same from lines without their ends.
TokenizerData train_tokenizer(const TrainTokenizerOptions& options,
                              std::span<const std::string> lines);

}  // namespace tessera

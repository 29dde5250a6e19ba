// Byte-level byte-pair encoding as GPT-2 has it: pieces of text (byte_level.h) as bytes, of which
// the pair with the first merge of the list is merged, the leftmost first, until no pair has a
// merge. Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units",
// 2016.
#pragma once

#include <array>

#include "datasets/tokenizers/tokenizer.h"

namespace tessera {

/// Nothing is unknown, and decode(encode(x)) == x for any bytes x (without add_prefix_space, and
/// where x spells no special token). Special tokens: begin and end are <|endoftext|>, else <s> and
/// </s>; pad is <pad>, mask <mask>; as far as the vocabulary holds them.
class BytePairEncoding : public Tokenizer {
 public:
  /// Throws: std::invalid_argument where the vocabulary lacks the symbol of a byte, or a merge
  /// names or yields a token that it lacks, or stands twice.
  explicit BytePairEncoding(TokenizerData data);

 protected:
  void encode_plain(std::string_view text, std::vector<int32_t>& ids) const override;
  std::string join(std::span<const int32_t> ids) const override;

 private:
  struct Merge {
    int32_t rank;
    int32_t merged;
  };
  struct Scratch;

  int32_t require_token(std::string_view symbol, size_t merge) const;
  const Merge* find_merge(int32_t left, int32_t right) const;
  void encode_piece(std::string_view piece, Scratch& scratch, std::vector<int32_t>& ids) const;

  std::array<int32_t, 256> byte_ids_{};
  std::unordered_map<uint64_t, Merge> merges_;  // by left << 32 | right
  std::vector<std::string> bytes_;              // by id
};

}  // namespace tessera

// The training loop that BPE and WordPiece share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct CountedWord {
  std::vector<int32_t> symbols;  ///< ids of tokens
  int64_t count;
};

struct LearnedMerge {
  int32_t left;
  int32_t right;
};

/// Merges the most frequent pair of neighbours, of several that with the lowest (left, right), and
/// adds its token to `tokens`, until there are `vocab_size` or the pair occurs fewer than
/// max(min_count, 1) times. The right token's leading `continuation` is left out of the merged one.
/// REQUIRES: the symbols index `tokens`, which are distinct.
std::vector<LearnedMerge> learn_merges(std::vector<CountedWord> words,
                                       std::vector<std::string>& tokens, size_t vocab_size,
                                       int64_t min_count, std::string_view continuation);

}  // namespace tessera

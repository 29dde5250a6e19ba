#include "datasets/tokenizers/bpe.h"

#include <algorithm>

#include "datasets/tokenizers/byte_level.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

/// Kept from piece to piece for its memory.
struct BytePairEncoding::Scratch {
  struct Symbol {
    int32_t id;
    int32_t previous, next;  // -1: none
  };
  struct Candidate {
    int32_t rank;
    int32_t at;           // the left symbol
    int32_t left, right;  // their ids then: it is stale where they have changed
    int32_t merged;

    /// The first rank, then the leftmost, comes out of the heap first.
    friend bool operator<(const Candidate& a, const Candidate& b) {
      return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
    }
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

BytePairEncoding::BytePairEncoding(TokenizerData from)
    : Tokenizer(std::move(from), {.specials_in_text = true,
                                  .default_special = {{"begin", "<|endoftext|>"},
                                                      {"end", "<|endoftext|>"},
                                                      {"begin", "<s>"},
                                                      {"end", "</s>"},
                                                      {"pad", "<pad>"},
                                                      {"mask", "<mask>"}}}) {
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    const std::string& symbol = byte_symbol(static_cast<uint8_t>(byte));
    const auto id = find(symbol);
    require(id.has_value(),
            "[bpe] the vocabulary must hold the symbols of all 256 bytes; got none, \"", symbol,
            "\", for byte ", byte, ". Train with the whole byte alphabet.");
    byte_ids_[byte] = *id;
  }
  bytes_.reserve(data().tokens.size());
  for (size_t id = 0; id < data().tokens.size(); ++id) {
    const std::string& token = data().tokens[id];
    const bool is_text = is_special(static_cast<int32_t>(id));
    bytes_.push_back(is_text ? token : symbol_bytes(token).value_or(token));
  }
  merges_.reserve(data().merges.size());
  for (size_t i = 0; i < data().merges.size(); ++i) {
    const auto& [left, right] = data().merges[i];
    const Merge merge{static_cast<int32_t>(i), require_token(left + right, i)};
    const bool is_first =
        merges_.emplace(pair_key(require_token(left, i), require_token(right, i)), merge).second;
    require(is_first, "[bpe] each merge must stand once; got \"", left, " ", right,
            "\" again as number ", i + 1, ".");
  }
}

int32_t BytePairEncoding::require_token(std::string_view symbol, size_t merge) const {
  const auto& [left, right] = data().merges[merge];
  const auto id = find(symbol);
  require(id.has_value(), "[bpe] merges must be of tokens of the vocabulary; got number ",
          merge + 1, ", \"", left, " ", right, "\", without a token \"", symbol,
          "\". Take vocab.json and merges.txt from one model.");
  return *id;
}

const BytePairEncoding::Merge* BytePairEncoding::find_merge(int32_t left, int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairEncoding::encode_plain(std::string_view text, std::vector<int32_t>& ids) const {
  std::string prefixed;
  if (data().options.add_prefix_space && text.front() != ' ') {
    prefixed = " " + std::string(text);
    text = prefixed;
  }
  Scratch scratch;
  ids.reserve(ids.size() + text.size() / 3);
  for (size_t at = 0; at < text.size();) {
    const size_t end = gpt2_piece_end(text, at);
    encode_piece(text.substr(at, end - at), scratch, ids);
    at = end;
  }
}

void BytePairEncoding::encode_piece(std::string_view piece, Scratch& scratch,
                                    std::vector<int32_t>& ids) const {
  auto& [symbols, heap] = scratch;
  symbols.clear();
  heap.clear();
  const auto count = static_cast<int32_t>(piece.size());
  for (int32_t i = 0; i < count; ++i)
    symbols.push_back({byte_ids_[static_cast<uint8_t>(piece[static_cast<size_t>(i)])], i - 1,
                       i + 1 < count ? i + 1 : -1});
  const auto push = [&](int32_t at) {
    if (at < 0 || symbols[at].next < 0) return;
    const int32_t left = symbols[at].id, right = symbols[symbols[at].next].id;
    if (const Merge* const merge = find_merge(left, right)) {
      heap.push_back({merge->rank, at, left, right, merge->merged});
      std::push_heap(heap.begin(), heap.end());
    }
  };
  for (int32_t i = 0; i + 1 < count; ++i) push(i);
  while (!heap.empty()) {
    const Scratch::Candidate best = heap.front();
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
    Scratch::Symbol& left = symbols[best.at];
    if (left.id != best.left || left.next < 0 || symbols[left.next].id != best.right) continue;
    Scratch::Symbol& right = symbols[left.next];
    left.id = best.merged;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[left.next].previous = best.at;
    push(left.previous);
    push(best.at);
  }
  for (int32_t at = 0; at >= 0; at = symbols[at].next) ids.push_back(symbols[at].id);
}

std::string BytePairEncoding::join(std::span<const int32_t> ids) const {
  std::string text;
  for (const int32_t id : ids) text += bytes_[static_cast<size_t>(id)];
  return text;
}

}  // namespace tessera

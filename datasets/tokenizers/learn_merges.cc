#include "datasets/tokenizers/learn_merges.h"

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <utility>

namespace tessera {
namespace {

using Pair = std::pair<int32_t, int32_t>;

uint64_t key_of(const Pair& pair) {
  return static_cast<uint64_t>(pair.first) << 32 | static_cast<uint32_t>(pair.second);
}

struct PairUse {
  int64_t count = 0;
  std::vector<int32_t> words = {};  // those that held the pair at some time, perhaps twice
};

struct QueuedPair {
  int64_t count;
  Pair pair;

  friend bool operator<(const QueuedPair& a, const QueuedPair& b) {
    return a.count != b.count ? a.count < b.count : a.pair > b.pair;
  }
};

class MergeLearner {
 public:
  MergeLearner(std::vector<CountedWord> words, std::vector<std::string>& tokens,
               std::string_view continuation)
      : words_(std::move(words)), tokens_(tokens), continuation_(continuation) {
    for (size_t i = 0; i < tokens_.size(); ++i) ids_.emplace(tokens_[i], static_cast<int32_t>(i));
    for (size_t w = 0; w < words_.size(); ++w) {
      const auto& symbols = words_[w].symbols;
      for (size_t i = 0; i + 1 < symbols.size(); ++i)
        change({symbols[i], symbols[i + 1]}, static_cast<int32_t>(w), 1);
    }
    queue_changed();
  }

  /// The most frequent pair; its count is 0 where there is none.
  QueuedPair take_best() {
    while (!queue_.empty()) {
      QueuedPair best = queue_.top();
      queue_.pop();
      const int64_t count = pairs_[key_of(best.pair)].count;
      if (count == best.count) return best;
      if (count > 0) queue_.push({count, best.pair});
    }
    return {0, {}};
  }

  void merge(const Pair& pair) {
    const int32_t merged = id_of_merged(pair);
    // Moved out: change() may add pairs and so move the table's entries.
    const std::vector<int32_t> words = std::move(pairs_[key_of(pair)].words);
    for (const int32_t w : words) merge_in_word(w, pair, merged);
    pairs_.erase(key_of(pair));
    queue_changed();
  }

 private:
  int32_t id_of_merged(const Pair& pair) {
    std::string_view right = tokens_[static_cast<size_t>(pair.second)];
    if (!continuation_.empty() && right.starts_with(continuation_))
      right.remove_prefix(continuation_.size());
    std::string token = tokens_[static_cast<size_t>(pair.first)] + std::string(right);
    const auto [entry, is_new] = ids_.emplace(token, static_cast<int32_t>(tokens_.size()));
    if (is_new) tokens_.push_back(std::move(token));
    return entry->second;
  }

  void merge_in_word(int32_t w, const Pair& pair, int32_t merged) {
    auto& symbols = words_[static_cast<size_t>(w)].symbols;
    size_t kept = 0;
    for (size_t i = 0; i < symbols.size(); ++i, ++kept) {
      if (i + 1 == symbols.size() || symbols[i] != pair.first || symbols[i + 1] != pair.second) {
        symbols[kept] = symbols[i];
        continue;
      }
      if (kept > 0) {
        change({symbols[kept - 1], pair.first}, w, -1);
        change({symbols[kept - 1], merged}, w, 1);
      }
      if (i + 2 < symbols.size()) {
        change({pair.second, symbols[i + 2]}, w, -1);
        change({merged, symbols[i + 2]}, w, 1);
      }
      symbols[kept] = merged;
      ++i;
    }
    symbols.resize(kept);
  }

  void change(const Pair& pair, int32_t w, int64_t times) {
    PairUse& use = pairs_[key_of(pair)];
    use.count += times * words_[static_cast<size_t>(w)].count;
    if (times < 0) return;
    if (use.words.empty() || use.words.back() != w) use.words.push_back(w);
    changed_.push_back(pair);
  }

  void queue_changed() {
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (const Pair& pair : changed_)
      if (const auto found = pairs_.find(key_of(pair));
          found != pairs_.end() && found->second.count > 0)
        queue_.push({found->second.count, pair});
    changed_.clear();
  }

  std::vector<CountedWord> words_;
  std::vector<std::string>& tokens_;
  std::string_view continuation_;
  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<uint64_t, PairUse> pairs_;
  std::vector<Pair> changed_;
  std::priority_queue<QueuedPair> queue_;
};

}  // namespace

std::vector<LearnedMerge> learn_merges(std::vector<CountedWord> words,
                                       std::vector<std::string>& tokens, size_t vocab_size,
                                       int64_t min_count, std::string_view continuation) {
  MergeLearner learner(std::move(words), tokens, continuation);
  std::vector<LearnedMerge> merges;
  while (tokens.size() < vocab_size) {
    const QueuedPair best = learner.take_best();
    if (best.count < std::max<int64_t>(min_count, 1)) break;
    learner.merge(best.pair);
    merges.push_back({best.pair.first, best.pair.second});
  }
  return merges;
}

}  // namespace tessera

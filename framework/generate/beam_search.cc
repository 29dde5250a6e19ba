#include "framework/generate/beam_search.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "framework/core/errors.h"

namespace tessera {
namespace {

struct Candidate {
  double log_probability;
  int64_t row;  ///< of the sentence's rows
  int32_t token;

  /// The order of the search: the best first.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
    return std::pair(a.row, a.token) < std::pair(b.row, b.token);
  }
};

/// log(sum(exp(logits))).
double log_sum(const float* logits, int64_t count) {
  const double largest = *std::max_element(logits, logits + count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(logits[i]) - largest);
  return largest + std::log(sum);
}

double penalty(int64_t length, double alpha) {
  return std::pow((5 + static_cast<double>(length)) / 6, alpha);
}

/// The search for one sentence.
class SentenceBeam {
 public:
  SentenceBeam(const BeamOptions& options, int64_t max_length)
      : options_(options), max_length_(max_length) {
    live_.push_back({{}, 0});
  }

  /// Takes the logits [beam, V] of its rows in. Returns the rows that the new ones go on from.
  std::vector<int64_t> advance(const float* logits, int64_t vocabulary) {
    std::vector<int64_t> parents;
    std::vector<Hypothesis> next;
    for (const Candidate& candidate : best(logits, vocabulary)) {
      if (std::ssize(next) == options_.beam) break;
      Hypothesis grown = live_[static_cast<size_t>(candidate.row)];
      grown.score = candidate.log_probability;
      if (candidate.token == options_.end) {
        grown.score /= penalty(length_ + 1, options_.length_penalty);
        finish(std::move(grown));
        continue;
      }
      grown.tokens.push_back(candidate.token);
      next.push_back(std::move(grown));
      parents.push_back(candidate.row);
    }
    live_ = std::move(next);
    ++length_;
    // A vocabulary smaller than the beam leaves rows that nobody reads.
    parents.resize(static_cast<size_t>(options_.beam), 0);
    return parents;
  }

  bool is_done() const {
    if (live_.empty() || length_ == max_length_) return true;
    if (std::ssize(ended_) < options_.beam) return false;
    return ended_.back().score >= live_[0].score / penalty(length_, options_.length_penalty);
  }

  /// The last token of each row, the end token in rows that nobody reads.
  void append_tokens(std::vector<int32_t>& tokens) const {
    for (int64_t row = 0; row < options_.beam; ++row) {
      if (length_ == 0)
        tokens.push_back(options_.begin);
      else
        tokens.push_back(row < std::ssize(live_) ? live_[static_cast<size_t>(row)].tokens.back()
                                                 : options_.end);
    }
  }

  Hypothesis result() const {
    if (!ended_.empty()) return ended_[0];
    Hypothesis open = live_[0];
    open.score /= penalty(length_, options_.length_penalty);
    return open;
  }

 private:
  /// Twice the beam, so that enough are left where every row's best token is the end.
  std::vector<Candidate> best(const float* logits, int64_t vocabulary) const {
    std::vector<Candidate> all;
    all.reserve(live_.size() * static_cast<size_t>(vocabulary));
    for (int64_t row = 0; row < std::ssize(live_); ++row) {
      const float* const own = logits + row * vocabulary;
      const double base = live_[static_cast<size_t>(row)].score - log_sum(own, vocabulary);
      for (int64_t token = 0; token < vocabulary; ++token)
        all.push_back({base + static_cast<double>(own[token]), row, static_cast<int32_t>(token)});
    }
    const auto count = std::min<int64_t>(2 * options_.beam, std::ssize(all));
    std::partial_sort(all.begin(), all.begin() + count, all.end());
    all.resize(static_cast<size_t>(count));
    return all;
  }

  /// Keeps the `beam` best of those that ended.
  void finish(Hypothesis hypothesis) {
    const auto place =
        std::ranges::upper_bound(ended_, hypothesis.score, std::greater<>{}, &Hypothesis::score);
    ended_.insert(place, std::move(hypothesis));
    if (std::ssize(ended_) > options_.beam) ended_.pop_back();
  }

  const BeamOptions& options_;
  int64_t max_length_;
  std::vector<Hypothesis> live_;   ///< scores: log-probabilities; the best first
  std::vector<Hypothesis> ended_;  ///< scores under the penalty; the best first
  int64_t length_ = 0;
};

std::vector<int64_t> max_lengths_of(const BeamOptions& options, int64_t sentences) {
  std::vector<int64_t> limits = options.max_lengths;
  if (limits.empty()) limits.assign(static_cast<size_t>(sentences), options.max_length);
  require(std::ssize(limits) == sentences &&
              std::ranges::all_of(limits, [](int64_t limit) { return limit >= 1; }),
          "[beam search] max_length must be at least 1, max_lengths one for each of ", sentences,
          " sentences; got ", options.max_length, " and ", options.max_lengths.size(),
          " max_lengths.");
  return limits;
}

}  // namespace

std::vector<Hypothesis> beam_search(TokenSteps& steps, int64_t sentences,
                                    const BeamOptions& options) {
  require(options.beam >= 1 && options.length_penalty >= 0,
          "[beam search] beam must be at least 1, length_penalty at least 0; got ", options.beam,
          " and ", options.length_penalty, ".");
  const std::vector<int64_t> limits = max_lengths_of(options, sentences);
  std::vector<SentenceBeam> beams;
  for (const int64_t limit : limits) beams.emplace_back(options, limit);
  std::vector<size_t> active;
  for (size_t i = 0; i < beams.size(); ++i) active.push_back(i);
  while (!active.empty()) {
    std::vector<int32_t> tokens;
    for (const size_t i : active) beams[i].append_tokens(tokens);
    const Tensor logits = steps.next(tokens);
    const int64_t vocabulary = logits.dim(1);
    std::vector<size_t> going_on;
    std::vector<int64_t> rows;
    for (size_t place = 0; place < active.size(); ++place) {
      const int64_t first = static_cast<int64_t>(place) * options.beam;
      const auto parents =
          beams[active[place]].advance(logits.data<float>() + first * vocabulary, vocabulary);
      if (beams[active[place]].is_done()) continue;
      going_on.push_back(active[place]);
      for (const int64_t parent : parents) rows.push_back(first + parent);
    }
    active = std::move(going_on);
    if (!active.empty()) steps.select(rows);
  }
  std::vector<Hypothesis> results;
  for (const SentenceBeam& beam : beams) results.push_back(beam.result());
  return results;
}

}  // namespace tessera

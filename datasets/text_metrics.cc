#include "datasets/text_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "datasets/tokenizers/unicode.h"
#include "datasets/tokenizers/utf8.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

/// How often each class is predicted, expected, and both.
struct ClassCounts {
  std::map<int32_t, std::array<int64_t, 3>> of;  // predicted, expected, correct
};

ClassCounts count_classes(const char* metric, std::span<const int32_t> predicted,
                          std::span<const int32_t> expected) {
  require(predicted.size() == expected.size() && !predicted.empty(), "[", metric,
          "] there must be as many predictions as labels, at least one; got ", predicted.size(),
          " and ", expected.size(), ".");
  ClassCounts counts;
  for (size_t i = 0; i < predicted.size(); ++i) {
    require(predicted[i] >= 0 && expected[i] >= 0, "[", metric,
            "] classes must be at least 0; got prediction ", predicted[i], " and label ",
            expected[i], " at ", i, ".");
    ++counts.of[predicted[i]][0];
    ++counts.of[expected[i]][1];
    counts.of[expected[i]][2] += predicted[i] == expected[i];
  }
  return counts;
}

double f1_of(const std::array<int64_t, 3>& counts) {
  const auto both = static_cast<double>(counts[0] + counts[1]);
  return both == 0 ? 0 : 2 * static_cast<double>(counts[2]) / both;
}

/// What Python's str.split() and str.strip() take for space.
bool is_python_space(char32_t c) { return is_whitespace(c) || (c >= 0x1C && c <= 0x1F); }

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  size_t start = 0, at = 0;
  while (at < text.size()) {
    const CodePoint c = next_code_point(text, at);
    if (is_python_space(c.value)) {
      if (at > start) out.push_back(text.substr(start, at - start));
      start = at + c.bytes;
    }
    at += c.bytes;
  }
  if (at > start) out.push_back(text.substr(start));
  return out;
}

std::string join(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

std::string_view without_trailing_space(std::string_view text) {
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = next_code_point(text, at);
    at += c.bytes;
    if (!is_python_space(c.value)) end = at;
  }
  return text.substr(0, end);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// ASCII's symbols apart from ' , - . which have rules of their own.
bool is_always_apart(char c) {
  return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
         (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

constexpr size_t kOrders = 4;
using Ngram = std::array<int32_t, kOrders>;  // -1 fills
using Ngrams = std::map<Ngram, int64_t>;

class BleuCounter {
 public:
  explicit BleuCounter(const BleuOptions& options) : options_(options) {}

  void add(std::string_view hypothesis, const std::vector<std::string_view>& references) {
    Ngrams wanted;
    const int64_t length = count(hypothesis, wanted);
    Ngrams found;
    found.swap(wanted);
    int64_t closest = -1;
    for (const std::string_view reference : references) {
      Ngrams ngrams;
      const int64_t n = count(reference, ngrams);
      for (const auto& [ngram, times] : ngrams) {
        int64_t& most = wanted[ngram];
        most = std::max(most, times);
      }
      const int64_t distance = std::abs(n - length), best = std::abs(closest - length);
      if (closest < 0 || distance < best || (distance == best && n < closest)) closest = n;
    }
    bleu_.hypothesis_length += length;
    bleu_.reference_length += closest;
    for (const auto& [ngram, times] : found) {
      const size_t order =
          static_cast<size_t>(std::find(ngram.begin(), ngram.end(), -1) - ngram.begin()) - 1;
      total_[order] += times;
      if (const auto match = wanted.find(ngram); match != wanted.end())
        correct_[order] += std::min(times, match->second);
    }
  }

  Bleu score() {
    const auto hypothesis = static_cast<double>(bleu_.hypothesis_length);
    const auto reference = static_cast<double>(bleu_.reference_length);
    bleu_.brevity_penalty = hypothesis >= reference ? 1
                            : hypothesis > 0        ? std::exp(1 - reference / hypothesis)
                                                    : 0;
    if (std::all_of(correct_.begin(), correct_.end(), [](int64_t n) { return n == 0; }))
      return bleu_;
    double log_sum = 0, smoothing = 1;
    for (size_t n = 0; n < kOrders && total_[n] > 0; ++n) {
      if (correct_[n] == 0) smoothing *= 2;
      const double matches = correct_[n] == 0 ? 1 / smoothing : static_cast<double>(correct_[n]);
      bleu_.precisions[n] = 100 * matches / static_cast<double>(total_[n]);
    }
    for (const double precision : bleu_.precisions) log_sum += std::log(precision);
    bleu_.score = bleu_.brevity_penalty * std::exp(log_sum / kOrders);
    return bleu_;
  }

 private:
  /// Adds the line's n-grams to `out`; returns its length.
  int64_t count(std::string_view line, Ngrams& out) {
    std::string text(line);
    if (options_.lowercase) text = lower_case(text);
    text = without_trailing_space(text);
    if (options_.tokenize == BleuOptions::Tokenize::mteval_13a) text = tokenize_13a(text);
    std::vector<int32_t> ids;
    for (const std::string_view word : split(text))
      ids.push_back(
          ids_.emplace(std::string(word), static_cast<int32_t>(ids_.size())).first->second);
    for (size_t start = 0; start < ids.size(); ++start) {
      Ngram ngram;
      ngram.fill(-1);
      for (size_t n = 0; n < kOrders && start + n < ids.size(); ++n) {
        ngram[n] = ids[start + n];
        ++out[ngram];
      }
    }
    return static_cast<int64_t>(ids.size());
  }

  BleuOptions options_;
  std::unordered_map<std::string, int32_t> ids_;
  std::array<int64_t, kOrders> correct_{}, total_{};
  Bleu bleu_;
};

/// What `score` yields for the best of the answers.
template <class Score>
double best_answer(std::string_view prediction, std::span<const std::string> answers, Score score) {
  require(!answers.empty(), "[squad] a question must have answers; got none for \"", prediction,
          "\".");
  const std::string normalized = normalize_answer(prediction);
  double best = 0;
  for (const std::string& answer : answers)
    best = std::max(best, score(normalized, normalize_answer(answer)));
  return best;
}

double word_f1(const std::string& prediction, const std::string& answer) {
  std::vector<std::string_view> predicted = split(prediction), wanted = split(answer), common;
  std::sort(predicted.begin(), predicted.end());
  std::sort(wanted.begin(), wanted.end());
  std::set_intersection(predicted.begin(), predicted.end(), wanted.begin(), wanted.end(),
                        std::back_inserter(common));
  if (common.empty()) return 0;
  return 2 * static_cast<double>(common.size()) /
         static_cast<double>(predicted.size() + wanted.size());
}

}  // namespace

double binary_f1(std::span<const int32_t> predicted, std::span<const int32_t> expected,
                 int32_t positive) {
  return f1_of(count_classes("binary_f1", predicted, expected).of[positive]);
}

double macro_f1(std::span<const int32_t> predicted, std::span<const int32_t> expected) {
  const ClassCounts counts = count_classes("macro_f1", predicted, expected);
  double sum = 0;
  for (const auto& [label, of] : counts.of) sum += f1_of(of);
  return sum / static_cast<double>(counts.of.size());
}

double matthews_correlation(std::span<const int32_t> predicted, std::span<const int32_t> expected) {
  const ClassCounts counts = count_classes("matthews_correlation", predicted, expected);
  const auto n = static_cast<double>(predicted.size());
  double correct = 0, both = 0, predicted_squares = 0, expected_squares = 0;
  for (const auto& [label, of] : counts.of) {
    const auto p = static_cast<double>(of[0]), e = static_cast<double>(of[1]);
    correct += static_cast<double>(of[2]);
    both += p * e;
    predicted_squares += p * p;
    expected_squares += e * e;
  }
  const double scale = (n * n - predicted_squares) * (n * n - expected_squares);
  return scale <= 0 ? 0 : (correct * n - both) / std::sqrt(scale);
}

double perplexity(double mean_loss) { return std::exp(mean_loss); }

Bleu corpus_bleu(std::span<const std::string> hypotheses,
                 std::span<const std::vector<std::string>> references, const BleuOptions& options) {
  require(!references.empty(), "[bleu] there must be references; got none.");
  for (const auto& file : references)
    require(file.size() == hypotheses.size(), "[bleu] each hypothesis must have a reference; got ",
            hypotheses.size(), " hypotheses and ", file.size(), " references.");
  BleuCounter counter(options);
  for (size_t i = 0; i < hypotheses.size(); ++i) {
    std::vector<std::string_view> lines;
    for (const auto& file : references) lines.push_back(file[i]);
    counter.add(hypotheses[i], lines);
  }
  return counter.score();
}

std::string tokenize_13a(std::string_view line) {
  std::string text(line);
  replace_all(text, "<skipped>", "");
  replace_all(text, "-\n", "");
  replace_all(text, "\n", " ");
  replace_all(text, "&quot;", "\"");
  replace_all(text, "&amp;", "&");
  replace_all(text, "&lt;", "<");
  replace_all(text, "&gt;", ">");
  text = " " + text + " ";
  std::string out;
  for (const char c : text) is_always_apart(c) ? out.append({' ', c, ' '}) : out.append(1, c);
  const auto is_point = [](char c) { return c == '.' || c == ','; };
  // A match takes its characters with it, so that of ".." only the first is looked at: each of
  // these passes is one regular expression of mteval's.
  const auto pass = [&](auto matches, std::string_view before, std::string_view between,
                        std::string_view after) {
    text.swap(out);
    out.clear();
    for (size_t i = 0; i < text.size(); ++i) {
      if (i + 1 < text.size() && matches(text[i], text[i + 1])) {
        out.append(before).append(1, text[i]).append(between).append(1, text[i + 1]).append(after);
        ++i;
      } else {
        out.push_back(text[i]);
      }
    }
  };
  pass([&](char a, char b) { return !is_digit(a) && is_point(b); }, "", " ", " ");
  pass([&](char a, char b) { return is_point(a) && !is_digit(b); }, " ", " ", "");
  pass([&](char a, char b) { return is_digit(a) && b == '-'; }, "", " ", " ");
  return join(split(out));
}

std::string normalize_answer(std::string_view answer) {
  std::string letters;
  for (const char c : lower_case(answer)) {
    const bool punctuation = (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
                             (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    if (!punctuation) letters.push_back(c);
  }
  // Words as \b of Python's re bounds them: runs of letters and numbers.
  std::string out, word;
  const auto end_word = [&] {
    out += word == "a" || word == "an" || word == "the" ? " " : word;
    word.clear();
  };
  for (size_t at = 0; at < letters.size();) {
    const CodePoint c = next_code_point(letters, at);
    const CharacterClass kind = class_of(c.value);
    const bool in_word = kind == CharacterClass::letter || kind == CharacterClass::number;
    if (!in_word) end_word();
    (in_word ? word : out).append(letters, at, c.bytes);
    at += c.bytes;
  }
  end_word();
  return join(split(out));
}

double squad_exact_match(std::string_view prediction, std::span<const std::string> answers) {
  return best_answer(prediction, answers,
                     [](const std::string& a, const std::string& b) { return a == b ? 1.0 : 0.0; });
}

double squad_f1(std::string_view prediction, std::span<const std::string> answers) {
  return best_answer(prediction, answers, word_f1);
}

}  // namespace tessera

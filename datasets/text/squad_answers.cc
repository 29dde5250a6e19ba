#include "datasets/text/squad_answers.h"

#include <algorithm>

#include "datasets/text_metrics.h"
#include "framework/core/errors.h"

namespace tessera {

AnswerFinder::AnswerFinder(const SquadSet& set)
    : AnswerFinder(set, set.file.may_be_impossible ? std::optional(0.0) : std::nullopt) {}

AnswerFinder::AnswerFinder(const SquadSet& set, std::optional<double> null_threshold)
    : set_(set),
      null_threshold_(null_threshold),
      best_(set.file.questions.size()),
      no_answer_(set.file.questions.size()) {}

void AnswerFinder::add(int64_t window, std::span<const float> begin, std::span<const float> end) {
  const SquadWindow& from = set_.windows.at(static_cast<size_t>(window));
  require(begin.size() >= from.text.ids.size() && end.size() == begin.size(),
          "[squad] there must be logits for ", from.text.ids.size(), " tokens; got ", begin.size(),
          " and ", end.size(), ".");
  std::optional<Place>& best = best_[from.question];
  for (int64_t first = 0; first < from.count; ++first) {
    const int64_t stop = std::min(from.count, first + set_.options.max_answer_length);
    for (int64_t last = first; last < stop; ++last) {
      const float score = begin[static_cast<size_t>(from.first + first)] +
                          end[static_cast<size_t>(from.first + last)];
      if (!best || score > best->score) best = Place{score, from.token + first, from.token + last};
    }
  }
  std::optional<float>& none = no_answer_[from.question];
  none = std::min(none.value_or(begin[0] + end[0]), begin[0] + end[0]);
}

void AnswerFinder::add(std::span<const int64_t> windows, const Tensor& logits) {
  require(logits.rank() == 3 && logits.dim(0) == std::ssize(windows) && logits.dim(1) == 2,
          "[squad] logits must be [", windows.size(), ", 2, T] for ", windows.size(),
          " windows; got ", logits, ".");
  const Tensor values = logits.to(DType::f32).to(Device{});
  const auto tokens = static_cast<size_t>(values.dim(2));
  const float* row = values.data<float>();
  for (const int64_t window : windows) {
    add(window, {row, tokens}, {row + tokens, tokens});
    row += 2 * tokens;
  }
}

std::vector<FoundAnswer> AnswerFinder::answers() const {
  std::vector<FoundAnswer> out;
  for (size_t i = 0; i < best_.size(); ++i) {
    const size_t context = set_.file.questions[i].context;
    const std::optional<Place>& best = best_[i];
    const bool is_none =
        !best || (null_threshold_ && double{*no_answer_[i]} - best->score > *null_threshold_);
    if (is_none) {
      out.push_back({.score = no_answer_[i].value_or(0)});
      continue;
    }
    const std::vector<TextSpan>& spans = set_.spans[context];
    const size_t begin = spans[static_cast<size_t>(best->first)].begin;
    const size_t end = spans[static_cast<size_t>(best->last)].end;
    out.push_back({set_.file.contexts[context].substr(begin, end - begin), best->score});
  }
  return out;
}

AnswerScores score_answers(const SquadFile& file, std::span<const FoundAnswer> predictions) {
  require(predictions.size() == file.questions.size(),
          "[squad] there must be an answer to each of ", file.questions.size(), " questions; got ",
          predictions.size(), ".");
  AnswerScores sums;
  for (size_t i = 0; i < file.questions.size(); ++i) {
    std::vector<std::string> answers = file.questions[i].answers;
    const std::string& prediction = predictions[i].text;
    if (file.may_be_impossible)
      std::erase_if(answers, [](const auto& answer) { return normalize_answer(answer).empty(); });
    if (answers.empty()) {
      const double is_right = normalize_answer(prediction).empty();
      sums.exact_match += is_right;
      sums.f1 += is_right;
      continue;
    }
    sums.exact_match += squad_exact_match(prediction, answers);
    sums.f1 += squad_f1(prediction, answers);
  }
  const auto count = static_cast<double>(std::max<size_t>(file.questions.size(), 1));
  return {.exact_match = sums.exact_match / count, .f1 = sums.f1 / count};
}

}  // namespace tessera

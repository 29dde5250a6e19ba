// From the logits of windows to answers, and what they are worth.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/text/squad_windows.h"

namespace tessera {

/// The text as it stands in its context, and the sum of its logits; "" where there is none, with
/// the sum of [CLS].
struct FoundAnswer {
  std::string text = {};
  float score = 0;
};

/// Finds for each question the span of its context with the largest sum of begin and end logit over
/// all windows: the end not before the begin, at most max_answer_length tokens. In a file with
/// questions that have no answer it is "" where that sum is below the one of [CLS], the smallest
/// over the windows, as the official script has it with a threshold of 0.
class AnswerFinder {
 public:
  /// `set` must outlive the finder.
  explicit AnswerFinder(const SquadSet& set);
  /// "" where the sum of [CLS] is above that of the best span by more than `null_threshold`, of
  /// whatever file (the official script's null_score_diff_threshold); none: never.
  AnswerFinder(const SquadSet& set, std::optional<double> null_threshold);

  /// begin, end: a logit for each token of the window; what follows them does not count.
  void add(int64_t window, std::span<const float> begin, std::span<const float> end);
  /// The same for several: logits [windows, 2, T] of any float type, on any device.
  void add(std::span<const int64_t> windows, const Tensor& logits);

  /// By question; "" where no window was added, too.
  std::vector<FoundAnswer> answers() const;

 private:
  struct Place {
    float score = 0;
    int64_t first = 0, last = 0;  ///< tokens of the context
  };

  const SquadSet& set_;
  const std::optional<double> null_threshold_;
  std::vector<std::optional<Place>> best_;
  std::vector<std::optional<float>> no_answer_;
};

/// Means over the questions, as fractions.
struct AnswerScores {
  double exact_match = 0;
  double f1 = 0;
};

/// As the official scripts count: the best over a question's answers (datasets/text_metrics.h). Of
/// files with questions that have no answer (2.0's script), answers of articles and punctuation
/// alone do not count, and a question without one is right where the prediction is no more either.
/// Throws: std::invalid_argument unless there is a prediction for each question.
AnswerScores score_answers(const SquadFile& file, std::span<const FoundAnswer> predictions);

}  // namespace tessera

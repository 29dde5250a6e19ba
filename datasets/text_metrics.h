// Metrics of text classification, translation and question answering. Files of labels or sentences
// go in whole: none of these is a mean of batches. Accuracy and loss are the trainer's.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

// Predictions and labels: equal lengths, labels >= 0. Throws: std::invalid_argument otherwise.

/// 2 TP / (2 TP + FP + FN) for the class `positive`; 0 where it neither occurs nor is predicted.
double binary_f1(std::span<const int32_t> predicted, std::span<const int32_t> expected,
                 int32_t positive = 1);
/// The mean of binary_f1 over the classes that occur in either.
double macro_f1(std::span<const int32_t> predicted, std::span<const int32_t> expected);
/// Of any number of classes (Gorodkin, "Comparing two K-category assignments", 2004); for two it is
/// (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)). 0 where either holds one class only.
double matthews_correlation(std::span<const int32_t> predicted, std::span<const int32_t> expected);

/// exp(mean loss in nats a token).
double perplexity(double mean_loss);

struct BleuOptions {
  /// mteval_13a: sacreBLEU's default, WMT's mteval-v13a. none: text is tokenised already.
  enum class Tokenize { mteval_13a, none };
  Tokenize tokenize = Tokenize::mteval_13a;
  bool lowercase = false;
};

/// score = 100 BP exp(mean of log precision over n-grams, n = 1 .. 4).
struct Bleu {
  double score = 0;                    ///< in percent
  std::array<double, 4> precisions{};  ///< in percent, after smoothing
  double brevity_penalty = 0;          ///< exp(1 - reference / hypothesis length), at most 1
  int64_t hypothesis_length = 0;       ///< in tokens
  int64_t reference_length = 0;        ///< of the references closest in length
};

/// Corpus BLEU as sacreBLEU counts it (Papineni et al., 2002; Post, 2018) with its smoothing "exp":
/// the k-th precision of zero counts as 1 / (2^k total). references[r][i] is the r-th reference of
/// hypothesis i.
/// Throws: std::invalid_argument for no references, or files of unequal length.
Bleu corpus_bleu(std::span<const std::string> hypotheses,
                 std::span<const std::vector<std::string>> references,
                 const BleuOptions& options = {});

/// mteval-v13a's tokens with one space between, from one line of detokenised text.
std::string tokenize_13a(std::string_view line);

/// SQuAD v1.1's evaluation script: lower case, no ASCII punctuation, no articles (a, an, the),
/// single spaces.
std::string normalize_answer(std::string_view answer);
/// 1 where the normalised prediction equals one of the answers, else 0.
/// Throws: std::invalid_argument for no answers; as squad_f1().
double squad_exact_match(std::string_view prediction, std::span<const std::string> answers);
/// The F1 of the bags of normalised words, the best over the answers; 0 where one is empty.
double squad_f1(std::string_view prediction, std::span<const std::string> answers);

}  // namespace tessera

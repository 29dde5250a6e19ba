#include "framework/train/metric.h"

#include <cmath>
#include <iomanip>

#include "datasets/text/squad_batches.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

double score_of(Metric metric, double accuracy, const TextScores& text) {
  switch (metric) {
    case Metric::accuracy:
      return accuracy;
    case Metric::loss:
      return text.loss.value_or(std::nan(""));
    case Metric::f1:
      return text.f1.value_or(std::nan(""));
    case Metric::bleu:
      return text.bleu.value_or(std::nan(""));
  }
  return std::nan("");
}

}  // namespace

const char* name_of(Metric metric) {
  switch (metric) {
    case Metric::accuracy:
      return "accuracy";
    case Metric::loss:
      return "loss";
    case Metric::f1:
      return "F1";
    case Metric::bleu:
      return "BLEU";
  }
  return "?";
}

bool is_share(Metric metric) { return metric == Metric::accuracy || metric == Metric::f1; }

bool is_better(Metric metric, double a, double b) { return metric == Metric::loss ? a < b : a > b; }

std::string shown(Metric metric, double value) {
  if (std::isnan(value)) return "-";
  if (is_share(metric)) return concat(std::fixed, std::setprecision(2), 100 * value, "%");
  return concat(std::fixed, std::setprecision(metric == Metric::loss ? 4 : 2), value);
}

Metric metric_of(const BatchSource& source) {
  if (dynamic_cast<const SquadBatches*>(&source) != nullptr) return Metric::f1;
  return source.labels_tokens() ? Metric::loss : Metric::accuracy;
}

Metric metric_of(const Summary& summary) {
  const TextScores& text = summary.dense_text;
  if (text.bleu) return Metric::bleu;
  if (text.exact_match) return Metric::f1;
  return text.perplexity ? Metric::loss : Metric::accuracy;
}

double dense_score(const Summary& summary) {
  return score_of(metric_of(summary), summary.dense_accuracy, summary.dense_text);
}

double sparse_score(const Summary& summary) {
  return score_of(metric_of(summary), summary.sparse_accuracy, summary.sparse_text);
}

}  // namespace tessera

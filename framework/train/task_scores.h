// What a model is worth on the data of its task: loss, accuracy, and what these do not say of a
// model of language.
#pragma once

#include "framework/train/evaluate.h"
#include "framework/train/metric.h"
#include "framework/train/summary.h"
#include "framework/train/task_data.h"
#include "layers/module.h"

namespace tessera {

struct TaskScores {
  Evaluation evaluation;
  Metric metric = Metric::accuracy;
  const char* counted = "samples";  ///< what evaluation.samples are: "tokens" of language
  std::string note = {};            ///< what the reader of the scores must know of the data
  /// exact_match and f1 of answers; f1 and matthews of classified texts: f1 of the second of two
  /// classes, of more the mean over them.
  TextScores text = {};

  double value() const;  ///< of the metric: a fraction, or nats
  /// Rises with the quality: the value; of a loss exp(-loss), the inverse perplexity.
  double rank() const;
};

/// All of it in one pass of `batches`, which are those of `source`; `forward` as of evaluate().
TaskScores score_task(const Forward& forward, const BatchSource& source, BatchStream& batches);

/// The model, on `device`, on test data, whose batches `test` yields. BLEU is that of its
/// translations, written by beam search (beam 5, GNMT's length penalty with alpha 0.6, at most 1.5
/// times as many tokens as the source's and 10 more) and compared with the references as they stand
/// in their file, split as data.bleu says.
TaskScores test_scores(Module& model, DType dtype, const TaskData& data, DataLoader& test,
                       Device device);

}  // namespace tessera

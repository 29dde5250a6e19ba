#include "framework/train/task_scores.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "datasets/text/squad_answers.h"
#include "datasets/text/squad_batches.h"
#include "datasets/text/text_class_batches.h"
#include "datasets/text/translation_batches.h"
#include "datasets/text_metrics.h"
#include "framework/generate/translate.h"
#include "layers/precision.h"

namespace tessera {
namespace {

/// The greatest logit's class of each text, and its label.
struct Predictions {
  std::vector<int32_t> predicted, labels;
  int64_t classes = 0;

  void add(const Batch& batch, const Tensor& of_batch) {
    const Tensor logits = of_batch.to(DType::f32).to(Device{});
    const Tensor targets = batch.target.to(Device{});
    classes = logits.dim(1);
    for (int64_t n = 0; n < logits.dim(0); ++n) {
      const float* const row = logits.data<float>() + n * classes;
      predicted.push_back(static_cast<int32_t>(std::max_element(row, row + classes) - row));
      labels.push_back(static_cast<int32_t>(targets.data<int64_t>()[n]));
    }
  }
};

/// The test set's translations, in its order.
std::vector<std::string> translations_of(Module& model, const TextData& data) {
  const SentenceTokens source = sentence_tokens(*data.tokenizer, "source");
  const SentenceTokens target = sentence_tokens(*data.target_tokenizer, "target");
  const auto make_steps = [&](const std::vector<Tensor>& inputs, int64_t copies) {
    return limited_steps(make_token_steps(model, inputs, copies), data.target_tokenizer->size());
  };
  std::vector<std::string> out;
  for (const Hypothesis& found : translate(make_steps, data.test_sources,
                                           {.max_length = data.length,
                                           .source_pad = source.pad,
                                           .begin = target.begin,
                                           .end = target.end}))
    out.push_back(data.target_tokenizer->decode(found.tokens));
  return out;
}

double bleu_of(Module& model, const TextData& data) {
  const std::vector<std::vector<std::string>> references = {data.test_references};
  return corpus_bleu(translations_of(model, data), references, data.bleu).score;
}

}  // namespace

double TaskScores::value() const {
  if (metric == Metric::f1) return text.f1.value();
  return metric == Metric::loss ? evaluation.loss : evaluation.top1;
}

double TaskScores::rank() const { return metric == Metric::loss ? std::exp(-value()) : value(); }

TaskScores score_task(const Forward& forward, const BatchSource& source, BatchStream& batches) {
  TaskScores out{.evaluation = {}, .metric = metric_of(source)};
  if (const auto* const questions = dynamic_cast<const SquadBatches*>(&source)) {
    AnswerFinder finder(questions->set());
    const std::vector<LengthBatches::Samples> windows = questions->chosen(0);
    out.evaluation = evaluate(forward, batches, [&](const Batch& batch, const Tensor& logits) {
      finder.add(windows[static_cast<size_t>(batch.index)], logits);
    });
    const auto [exact_match, f1] = score_answers(questions->set().file, finder.answers());
    out.text.exact_match = exact_match;
    out.text.f1 = f1;
    return out;
  }
  if (dynamic_cast<const TextClassBatches*>(&source) == nullptr) {
    out.evaluation = evaluate(forward, batches);
    return out;
  }
  Predictions found;
  out.evaluation = evaluate(forward, batches, [&](const Batch& batch, const Tensor& logits) {
    found.add(batch, logits);
  });
  out.text.f1 = found.classes == 2 ? binary_f1(found.predicted, found.labels)
                                   : macro_f1(found.predicted, found.labels);
  out.text.matthews = matthews_correlation(found.predicted, found.labels);
  return out;
}

TaskScores test_scores(Module& model, DType dtype, const TaskData& data, DataLoader& test,
                       Device device) {
  model.set_training(false);
  BatchStream batches(test, device);
  TaskScores scores = score_task(
      [&](const auto& inputs) { return forward_in(dtype, model, inputs); }, test.source(), batches);
  if (!data.text) return scores;
  const double loss = scores.evaluation.loss;
  scores.text.loss = loss;
  if (data.test->labels_tokens()) scores.counted = "tokens";
  if (is_of_language(data.text->task)) scores.text.perplexity = perplexity(loss);
  if (data.text->task == TextTask::translation) scores.text.bleu = bleu_of(model, *data.text);
  return scores;
}

}  // namespace tessera

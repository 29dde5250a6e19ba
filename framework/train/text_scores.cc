#include "framework/train/text_scores.h"

#include <algorithm>

#include "datasets/text/translation_batches.h"
#include "datasets/text_metrics.h"
#include "framework/autograd/autograd.h"
#include "framework/generate/translate.h"

namespace tessera {
namespace {

/// The greatest logit's class of each text, and its label.
struct Predictions {
  std::vector<int32_t> predicted, labels;
};

Predictions predict_classes(Module& model, BatchStream& test) {
  const NoGrad no_grad;
  Predictions out;
  test.begin(0);
  for (Batch batch; test.next(batch); test.prefetch()) {
    const Tensor logits = model.forward_batch(batch.inputs).to(DType::f32).to(Device{});
    const Tensor labels = batch.target.to(Device{});
    for (int64_t n = 0; n < logits.dim(0); ++n) {
      const float* const row = logits.data<float>() + n * logits.dim(1);
      out.predicted.push_back(
          static_cast<int32_t>(std::max_element(row, row + logits.dim(1)) - row));
      out.labels.push_back(static_cast<int32_t>(labels.data<int64_t>()[n]));
    }
  }
  return out;
}

/// The test set's translations, in its order.
std::vector<std::string> translations_of(Module& model, const TextData& data) {
  const SentenceTokens source = sentence_tokens(*data.tokenizer, "source");
  const SentenceTokens target = sentence_tokens(*data.target_tokenizer, "target");
  const auto make_steps = [&](const std::vector<Tensor>& inputs, int64_t copies) {
    return make_token_steps(model, inputs, copies);
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

/// Of the files' own tokens.
double bleu_of(const std::vector<std::string>& translations,
               const std::vector<std::string>& references) {
  const std::vector<std::vector<std::string>> sets = {references};
  return corpus_bleu(translations, sets, {.tokenize = BleuOptions::Tokenize::none}).score;
}

}  // namespace

AnswerScores score_answers(Module& model, const SquadBatches& source, BatchStream& batches) {
  const NoGrad no_grad;
  AnswerFinder finder(source.set());
  const std::vector<LengthBatches::Samples> windows = source.windows(0);
  batches.begin(0);
  for (Batch batch; batches.next(batch); batches.prefetch())
    finder.add(windows[static_cast<size_t>(batch.index)], model.forward_batch(batch.inputs));
  return score_answers(source.set().file, finder.answers());
}

TextScores score_text(Module& model, const TextData& data, BatchStream& test) {
  TextScores scores;
  if (data.task == TextTask::translation)
    scores.bleu = bleu_of(translations_of(model, data), data.test_references);
  if (data.task == TextTask::answer_span) {
    const auto [exact_match, f1] =
        score_answers(model, dynamic_cast<const SquadBatches&>(*data.test), test);
    scores.exact_match = exact_match;
    scores.f1 = f1;
  }
  if (data.task == TextTask::classes && data.class_names.size() == 2) {
    const auto [predicted, labels] = predict_classes(model, test);
    scores.f1 = binary_f1(predicted, labels);
    scores.matthews = matthews_correlation(predicted, labels);
  }
  return scores;
}

}  // namespace tessera

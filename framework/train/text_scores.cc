#include "framework/train/text_scores.h"

#include <algorithm>
#include <numeric>

#include "datasets/text/translation_batches.h"
#include "datasets/text_metrics.h"
#include "framework/autograd/autograd.h"
#include "framework/generate/beam_search.h"

namespace tessera {
namespace {

/// Sentences translated at a time.
constexpr int64_t kSentences = 32;
constexpr int64_t kBeam = 5;

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

/// {source, source_lengths} of some sentences, padded to the longest of them.
std::vector<Tensor> source_batch(const TextData& data, std::span<const int64_t> sentences,
                                 int32_t pad) {
  int64_t longest = 0;
  for (const int64_t i : sentences)
    longest = std::max(longest, std::ssize(data.test_sources[static_cast<size_t>(i)]));
  const auto count = std::ssize(sentences);
  Tensor source = Tensor::full({count, longest}, pad, {.dtype = DType::i64});
  Tensor lengths = Tensor::empty({count}, {.dtype = DType::i64});
  for (int64_t n = 0; n < count; ++n) {
    const auto& ids = data.test_sources[static_cast<size_t>(sentences[static_cast<size_t>(n)])];
    std::ranges::copy(ids, source.data<int64_t>() + n * longest);
    lengths.data<int64_t>()[n] = std::ssize(ids);
  }
  return {source, lengths};
}

/// The test set's translations, in its order. Sentences of similar length are translated together.
std::vector<std::string> translate(Module& model, const TextData& data) {
  const SentenceTokens source = sentence_tokens(*data.tokenizer, "source");
  const SentenceTokens target = sentence_tokens(*data.target_tokenizer, "target");
  std::vector<int64_t> order(data.test_sources.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto length = [&](int64_t i) { return data.test_sources[static_cast<size_t>(i)].size(); };
  std::ranges::stable_sort(order, {}, length);
  std::vector<std::string> out(order.size());
  for (size_t first = 0; first < order.size(); first += kSentences) {
    const size_t count = std::min<size_t>(kSentences, order.size() - first);
    const std::span<const int64_t> chosen(order.data() + first, count);
    const auto longest = static_cast<int64_t>(length(chosen.back()));
    const auto steps = make_token_steps(model, source_batch(data, chosen, source.pad), kBeam);
    const auto found = beam_search(*steps, static_cast<int64_t>(count),
                                   {.beam = kBeam,
                                    .max_length = std::min(longest * 3 / 2 + 10, data.length),
                                    .begin = target.begin,
                                    .end = target.end});
    for (size_t i = 0; i < count; ++i)
      out[static_cast<size_t>(chosen[i])] = data.target_tokenizer->decode(found[i].tokens);
  }
  return out;
}

/// Of the files' own tokens.
double bleu_of(const std::vector<std::string>& translations,
               const std::vector<std::string>& references) {
  const std::vector<std::vector<std::string>> sets = {references};
  return corpus_bleu(translations, sets, {.tokenize = BleuOptions::Tokenize::none}).score;
}

}  // namespace

TextScores score_text(Module& model, const TextData& data, BatchStream& test) {
  TextScores scores;
  if (data.task == TextTask::translation)
    scores.bleu = bleu_of(translate(model, data), data.test_references);
  if (data.task == TextTask::classes && data.class_names.size() == 2) {
    const auto [predicted, labels] = predict_classes(model, test);
    scores.f1 = binary_f1(predicted, labels);
    scores.matthews = matthews_correlation(predicted, labels);
  }
  return scores;
}

}  // namespace tessera

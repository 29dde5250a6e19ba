#include <algorithm>
#include <numeric>

#include "datasets/text/padded_ids.h"
#include "framework/core/errors.h"
#include "framework/generate/planned_model.h"
#include "framework/generate/text_model_types.h"

namespace tessera {
namespace {

/// bert with its head for classification.
class TextClassifier : public TextModel {
 public:
  explicit TextClassifier(const TextModelParts& parts)
      : options_(parts.options),
        card_(parts.file.card),
        tokenizer_(tokenizer_of(card_.tokenizer, card_.model.vocab_size, parts.path)),
        model_(parts.file, parts.path, parts.device, parts.dtype) {}

  /// A tab separates the two texts of a pair.
  ModelText read(const std::string& text, const std::string& where) const override {
    const size_t tab = text.find('\t');
    require(
        tab == text.npos || (card_.model.segments >= 2 && text.find('\t', tab + 1) == text.npos),
        "[infer] ", where,
        " must be one text, or two with a tab between for a model of pairs; "
        "got more.");
    if (tokenizer_->encode(text).empty()) return {};
    const auto encoded = [&](int64_t max_length) {
      return tab == text.npos ? tokenizer_->encode_with_specials(text, max_length)
                              : tokenizer_->encode_with_specials(text.substr(0, tab),
                                                                 text.substr(tab + 1), max_length);
    };
    ModelText out{.encoding = encoded(0)};
    const int64_t limit = card_.model.max_positions;
    if (options_.truncate && std::ssize(out.encoding.ids) > limit)
      out = {.encoding = encoded(limit), .is_cut = true};
    check_text_length(where, std::ssize(out.encoding.ids), limit);
    return out;
  }

  /// The longest first: a plan for them serves the others, too.
  std::vector<TextAnswer> answer(std::span<const ModelText> texts) override {
    std::vector<size_t> order;
    for (size_t i = 0; i < texts.size(); ++i)
      if (!texts[i].encoding.ids.empty()) order.push_back(i);
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&](size_t i) { return texts[i].encoding.ids.size(); });
    std::vector<TextAnswer> answers(texts.size());
    const auto at_a_time = static_cast<size_t>(options_.batch_size);
    for (size_t first = 0; first < order.size(); first += at_a_time) {
      const std::span<const size_t> chosen(order.data() + first,
                                           std::min(at_a_time, order.size() - first));
      const auto guesses = top_classes(model_.logits(batch_of(texts, chosen)), card_, options_.top);
      for (size_t i = 0; i < chosen.size(); ++i)
        answers[chosen[i]] = {.is_given = true, .classes = guesses[i]};
    }
    return answers;
  }

  std::string describe(bool steps) const override { return model_.describe(steps); }

 private:
  /// {ids, lengths, segments} as Bert takes them; the first of `chosen` is the longest.
  std::vector<Tensor> batch_of(std::span<const ModelText> texts,
                               std::span<const size_t> chosen) const {
    const int64_t width = std::ssize(texts[chosen[0]].encoding.ids);
    IdRows ids, segments;
    for (const size_t i : chosen) {
      ids.emplace_back(texts[i].encoding.ids);
      segments.emplace_back(texts[i].encoding.token_types);
    }
    const int32_t pad = std::max(tokenizer_->special_tokens().pad, 0);
    return {padded_ids(ids, width, pad), row_lengths(ids), padded_ids(segments, width, 0)};
  }

  const TextOptions options_;
  const ModelCard card_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  PlannedModel model_;
};

}  // namespace

std::unique_ptr<TextModel> make_text_classifier(const TextModelParts& parts) {
  return std::make_unique<TextClassifier>(parts);
}

}  // namespace tessera

#include <algorithm>
#include <numeric>

#include "datasets/text/padded_ids.h"
#include "framework/autograd/autograd.h"
#include "framework/core/errors.h"
#include "framework/generate/text_model_types.h"
#include "framework/infer/plan.h"

namespace tessera {
namespace {

/// Plans are made for multiples of it, so that few are made.
constexpr int64_t kPlanTokens = 16;

/// bert: on the cpu by an inference plan, elsewhere by the model itself.
class TextClassifier : public TextModel {
 public:
  explicit TextClassifier(const TextModelParts& parts)
      : options_(parts.options),
        card_(parts.file.card),
        tokenizer_(tokenizer_of(card_.tokenizer, card_.model.vocab_size, parts.path)),
        device_(parts.device),
        tiles_(parts.file.tiles),
        model_(load_model(parts.file, parts.path).model) {
    model_->to(device_);
  }

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
      const auto guesses = top_classes(logits_of(texts, chosen), card_, options_.top);
      for (size_t i = 0; i < chosen.size(); ++i)
        answers[chosen[i]] = {.is_given = true, .classes = guesses[i]};
    }
    return answers;
  }

  std::string describe(bool steps) const override {
    if (steps && plan_) return plan_->describe();
    const char* const weights = tiles_.empty() ? "dense weights"
                                : device_.is_cpu()
                                    ? "pruned weights as packed where that was faster"
                                    : "pruned weights as dense ones with zeros";
    return concat(device_.is_cpu() ? "an inference plan" : "the model", " on ", device_, ", ",
                  weights);
  }

 private:
  Tensor logits_of(std::span<const ModelText> texts, std::span<const size_t> chosen) {
    const NoGrad no_grad;
    const int64_t longest = std::ssize(texts[chosen[0]].encoding.ids);
    const std::vector<Tensor> inputs = batch_of(texts, chosen, longest);
    if (!device_.is_cpu()) return model_->forward_batch(inputs).to(DType::f32).to(Device{});
    if (longest > planned_tokens_) {
      planned_tokens_ = std::min((longest + kPlanTokens - 1) / kPlanTokens * kPlanTokens,
                                 card_.model.max_positions);
      plan_ = make_plan(*model_, batch_of(texts, chosen, planned_tokens_), tiles_);
    }
    return plan_->run(inputs);
  }

  /// {ids, lengths, segments} as Bert takes them, padded to `width` tokens.
  std::vector<Tensor> batch_of(std::span<const ModelText> texts, std::span<const size_t> chosen,
                               int64_t width) const {
    IdRows ids, segments;
    for (const size_t i : chosen) {
      ids.emplace_back(texts[i].encoding.ids);
      segments.emplace_back(texts[i].encoding.token_types);
    }
    const int32_t pad = std::max(tokenizer_->special_tokens().pad, 0);
    return {padded_ids(ids, width, pad).to(device_), row_lengths(ids).to(device_),
            padded_ids(segments, width, 0).to(device_)};
  }

  const TextOptions options_;
  const ModelCard card_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const Device device_;
  const std::map<std::string, TileMatrix> tiles_;
  const std::unique_ptr<Module> model_;
  std::optional<InferencePlan> plan_;
  int64_t planned_tokens_ = 0;
};

}  // namespace

std::unique_ptr<TextModel> make_text_classifier(const TextModelParts& parts) {
  return std::make_unique<TextClassifier>(parts);
}

}  // namespace tessera

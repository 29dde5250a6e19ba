#include <algorithm>
#include <cmath>
#include <ranges>

#include "datasets/text/squad_answers.h"
#include "framework/core/errors.h"
#include "framework/generate/planned_model.h"
#include "framework/generate/text_model_types.h"

namespace tessera {
namespace {

/// Most tokens of a question, of an answer and from window to window, as data of type squad has
/// them unless told.
SquadOptions squad_options(int64_t max_positions) {
  SquadOptions options{.max_length = max_positions};
  const int64_t room = max_positions - kSquadSpecialTokens;
  require(room >= 2,
          "[infer] a model that answers questions must have positions for 5 tokens or more; got ",
          max_positions, ".");
  options.max_question_length = std::min(options.max_question_length, room / 2);
  options.doc_stride =
      std::clamp<int64_t>(max_positions / 3, 1, room - options.max_question_length);
  return options;
}

/// bert with a span head: what stands in a text as the answer to a question.
class TextAnswerer : public TextModel {
 public:
  explicit TextAnswerer(const TextModelParts& parts)
      : options_(parts.options),
        card_(parts.file.card),
        squad_(squad_options(card_.model.max_positions)),
        tokenizer_(tokenizer_of(card_.tokenizer, card_.model.vocab_size, parts.path)),
        wordpiece_(dynamic_cast<const WordPiece*>(tokenizer_.get())),
        model_(parts.file, parts.path, parts.device, parts.dtype) {
    require(card_.model.segments >= 2, "[infer] ", parts.path.string(),
            " must tell a question from its text, by two segments; got ", card_.model.segments,
            ".");
    require(wordpiece_ != nullptr, "[infer] ", parts.path.string(),
            " must hold a WordPiece vocabulary, whose tokens say where they stand, to answer "
            "questions; got one of type ",
            tokenizer_->data().type, ".");
    require(!std::isnan(options_.null_threshold.value_or(0)),
            "[infer] --null-threshold must be a number; got nan.");
  }

  /// A question, a tab, and the text that holds its answer.
  ModelText read(const std::string& text, const std::string& where) const override {
    const size_t tab = text.find('\t');
    if (tab == text.npos && tokenizer_->encode(text).empty()) return {};
    require(tab != text.npos && text.find('\t', tab + 1) == text.npos, "[infer] ", where,
            " must be a question, a tab and the text that holds the answer; got ",
            tab == text.npos ? "no tab." : "more than one tab.");
    ModelText out{.text = text};
    out.encoding.ids = tokenizer_->encode(text.substr(0, tab));
    if (tokenizer_->encode(text.substr(tab + 1)).empty()) return {};
    out.is_cut = std::ssize(out.encoding.ids) > squad_.max_question_length;
    require(!out.is_cut || options_.truncate, "[infer] the question of ", where,
            " must have at most ", squad_.max_question_length, " tokens; got ",
            out.encoding.ids.size(), ". Shorten it, or give --truncate to have questions cut.");
    return out;
  }

  std::vector<TextAnswer> answer(std::span<const ModelText> texts) override {
    std::vector<TextAnswer> answers(texts.size());
    const SquadSet set = make_squad_set(questions_of(texts), *wordpiece_, squad_, false);
    if (set.windows.empty()) return answers;
    AnswerFinder finder(set, null_threshold());
    add_logits(set, finder);
    const std::vector<FoundAnswer> found = finder.answers();
    auto next = found.begin();
    for (size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].text.empty()) continue;
      answers[i].is_given = true;
      answers[i].text = next->text;
      answers[i].score = next++->score;
    }
    return answers;
  }

  std::string describe(bool steps) const override { return model_.describe(steps); }

 private:
  std::optional<double> null_threshold() const {
    if (options_.null_threshold || !card_.null_answers) return options_.null_threshold;
    return 0;
  }

  static SquadFile questions_of(std::span<const ModelText> texts) {
    SquadFile file;
    for (const ModelText& text : texts) {
      if (text.text.empty()) continue;
      const size_t tab = text.text.find('\t');
      file.questions.push_back({.id = "",
                                .text = text.text.substr(0, tab),
                                .context = file.contexts.size(),
                                .answers = {},
                                .place = {}});
      file.contexts.push_back(text.text.substr(tab + 1));
    }
    return file;
  }

  /// Windows of similar length together, the longest first.
  void add_logits(const SquadSet& set, AnswerFinder& finder) {
    const int32_t pad = std::max(tokenizer_->special_tokens().pad, 0);
    const LengthBatches plan(lengths_of(set.windows), {.batch_size = options_.batch_size});
    for (const LengthBatches::Samples& chosen : plan.epoch(0) | std::views::reverse) {
      const std::vector<const TextRow*> rows = texts_of(set.windows, chosen);
      finder.add(chosen, model_.logits(text_inputs(rows, longest_of(rows), pad)));
    }
  }

  const TextOptions options_;
  const ModelCard card_;
  const SquadOptions squad_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const WordPiece* const wordpiece_;  ///< tokenizer_
  PlannedModel model_;
};

}  // namespace

std::unique_ptr<TextModel> make_text_answerer(const TextModelParts& parts) {
  return std::make_unique<TextAnswerer>(parts);
}

}  // namespace tessera

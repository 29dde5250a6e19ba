#include "datasets/text/squad_windows.h"

#include <algorithm>
#include <utility>

#include "framework/core/errors.h"

namespace tessera {
namespace {

struct TokenRange {
  int64_t first = 0, last = 0;
};

/// The tokens that hold a byte of `place`; none where no token does.
std::optional<TokenRange> tokens_at(const std::vector<TextSpan>& spans,
                                    const std::optional<TextSpan>& place) {
  if (!place) return {};
  const auto first =
      std::ranges::find_if(spans, [&](const TextSpan& span) { return span.end > place->begin; });
  const auto after =
      std::find_if(first, spans.end(), [&](const TextSpan& s) { return s.begin >= place->end; });
  if (first == after) return {};
  return TokenRange{first - spans.begin(), after - spans.begin() - 1};
}

/// Cuts one file into windows.
class Windows {
 public:
  Windows(SquadSet& set, const WordPiece& tokenizer, bool for_training)
      : set_(set), tokenizer_(tokenizer), for_training_(for_training) {}

  void make() {
    for (const std::string& context : set_.file.contexts) {
      WordPiece::Pieces pieces = tokenizer_.encode_with_spans(context);
      contexts_.push_back(std::move(pieces.ids));
      set_.spans.push_back(std::move(pieces.spans));
    }
    for (size_t i = 0; i < set_.file.questions.size(); ++i) add_question(i);
  }

 private:
  void add_question(size_t number) {
    const SquadQuestion& question = set_.file.questions[number];
    const std::vector<int32_t>& context = contexts_[question.context];
    const auto answer = tokens_at(set_.spans[question.context], question.place);
    const bool is_lost = !question.answers.empty() && !answer;
    if (is_lost && set_.without_place++ == 0) set_.first_without = question.id;
    if (is_lost && for_training_) return;
    std::vector<int32_t> ids = tokenizer_.encode(question.text);
    const auto most = static_cast<size_t>(set_.options.max_question_length);
    set_.cut_questions += ids.size() > most;
    ids.resize(std::min(ids.size(), most));
    const int64_t room = set_.options.max_length - kSquadSpecialTokens - std::ssize(ids);
    for (int64_t token = 0;; token += set_.options.doc_stride) {
      const int64_t count = std::min(room, std::ssize(context) - token);
      add_window({.text = {},
                  .question = number,
                  .first = std::ssize(ids) + 2,
                  .count = count,
                  .token = token},
                 ids, context, answer);
      if (token + count >= std::ssize(context)) return;
    }
  }

  void add_window(SquadWindow window, const std::vector<int32_t>& question,
                  const std::vector<int32_t>& context, const std::optional<TokenRange>& answer) {
    const SpecialTokens& special = tokenizer_.special_tokens();
    std::vector<int32_t>& ids = window.text.ids;
    ids.push_back(special.cls);
    ids.insert(ids.end(), question.begin(), question.end());
    ids.push_back(special.sep);
    window.text.segments.assign(ids.size(), 0);
    const auto from = context.begin() + window.token;
    ids.insert(ids.end(), from, from + window.count);
    ids.push_back(special.sep);
    window.text.segments.resize(ids.size(), 1);
    const int64_t end = window.token + window.count;
    if (answer && answer->first >= window.token && answer->last < end)
      window.target = {window.first + answer->first - window.token,
                       window.first + answer->last - window.token};
    set_.windows.push_back(std::move(window));
  }

  SquadSet& set_;
  const WordPiece& tokenizer_;
  const bool for_training_;
  std::vector<std::vector<int32_t>> contexts_;  // their tokens
};

}  // namespace

SquadSet make_squad_set(SquadFile file, const WordPiece& tokenizer, const SquadOptions& options,
                        bool for_training) {
  const SpecialTokens& special = tokenizer.special_tokens();
  require(special.cls >= 0 && special.sep >= 0,
          "[squad] the vocabulary must hold [CLS] and [SEP]; got one without.");
  const int64_t room = options.max_length - kSquadSpecialTokens - options.max_question_length;
  require(room >= 1,
          "[squad] max_length must leave room for a text beside the longest question and ",
          kSquadSpecialTokens, " special tokens; got max_length ", options.max_length,
          " and max_question_length ", options.max_question_length,
          ". Raise data.max_length, or lower data.max_question_length.");
  require(options.doc_stride >= 1 && options.doc_stride <= room,
          "[squad] doc_stride must lie in [1, ", room, "], the tokens that max_length ",
          options.max_length, " leaves beside a question of ", options.max_question_length,
          "; got ", options.doc_stride,
          ". Raise data.max_length, or lower data.doc_stride or data.max_question_length.");
  SquadSet set{
      .file = std::move(file), .options = options, .spans = {}, .windows = {}, .first_without = {}};
  Windows(set, tokenizer, for_training).make();
  return set;
}

}  // namespace tessera

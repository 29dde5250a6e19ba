// Questions about contexts as a model reads them: [CLS] question [SEP] context [SEP]. A context
// that is too long is read in windows, each doc_stride tokens after the one before (Devlin et al.,
// "BERT", 2019). The target is the first and the last token of the answer; 0, [CLS], where the
// window does not hold all of it, or the question has none.
#pragma once

#include <array>
#include <vector>

#include "datasets/text/squad_file.h"
#include "datasets/text/text_rows.h"
#include "datasets/tokenizers/wordpiece.h"

namespace tessera {

/// Of a window, beside question and context.
inline constexpr int64_t kSquadSpecialTokens = 3;

struct SquadOptions {
  int64_t max_length = 384;
  int64_t max_question_length = 64;  ///< longer questions are cut
  int64_t doc_stride = 128;
  int64_t max_answer_length = 30;  ///< tokens of a predicted answer
};

struct SquadWindow {
  TextRow text;
  size_t question = 0;  ///< which of SquadFile::questions
  int64_t first = 0;    ///< the place of its first token of the context
  int64_t count = 0;    ///< how many of the context it holds
  int64_t token = 0;    ///< which token of the context the first one is
  std::array<int64_t, 2> target{};
};

struct SquadSet {
  SquadFile file;
  SquadOptions options;
  std::vector<std::vector<TextSpan>> spans;  ///< of the tokens of each context
  std::vector<SquadWindow> windows;          ///< question after question
  int64_t cut_questions = 0;
  int64_t without_place = 0;  ///< questions whose answer was not found in the context
  std::string first_without;  ///< the id of the first of them
};

/// `for_training`: questions whose answer was not found get no window.
/// Throws: std::invalid_argument for a tokenizer without [CLS] and [SEP], a max_length that leaves
/// no room for a context beside the longest question, and a doc_stride that would skip tokens.
SquadSet make_squad_set(SquadFile file, const WordPiece& tokenizer, const SquadOptions& options,
                        bool for_training);

}  // namespace tessera

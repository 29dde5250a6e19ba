// SQuAD's files (Rajpurkar et al., 2016; 2.0, with questions that have no answer: 2018):
//   {"version": "1.1", "data": [{"title": ..., "paragraphs": [{"context": ..., "qas":
//    [{"id": ..., "question": ..., "answers": [{"text": ..., "answer_start": 515}, ...],
//      "is_impossible": false}, ...]}, ...]}, ...]}
// answer_start counts characters of the context.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/tokenizers/bert_words.h"

namespace tessera {

struct SquadQuestion {
  std::string id;
  std::string text;
  size_t context = 0;                ///< which of SquadFile::contexts
  std::vector<std::string> answers;  ///< all that count as right; empty: it has no answer
  /// The bytes of the first answer in its context, looked for up to two characters beside
  /// answer_start, by which some of the data set's are wrong; none where it does not stand there.
  std::optional<TextSpan> place;
};

struct SquadFile {
  std::vector<std::string> contexts;
  std::vector<SquadQuestion> questions;
  /// Whether it is of the kind of version 2.0, where "" may be the right answer: some question of
  /// the whole file has none.
  bool may_be_impossible = false;
};

/// Throws: std::runtime_error naming the file where it cannot be read, the byte where it is no
/// JSON, and the place ("data[0].paragraphs[2]") where a key is missing or of another type; for a
/// file without questions.
SquadFile read_squad(const std::filesystem::path& path);

}  // namespace tessera

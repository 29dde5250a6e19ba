#include "datasets/text/squad_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "datasets/read_file.h"
#include "datasets/tokenizers/utf8.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

using nlohmann::json;

/// How far beside answer_start an answer may stand, in characters.
constexpr int64_t kLargestSlip = 2;

/// A place in the file, for errors: "train.json: data[3].paragraphs[0]".
struct Place {
  std::string name;
  bool is_file = false;

  Place at(const char* key, size_t index) const {
    return {concat(name, is_file ? ": " : ".", key, "[", index, "]")};
  }
};

const json& member(const json& object, const char* key, const Place& place) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  require_runtime(object.is_object() && found != object.end(), "[squad] ", place.name,
                  " must have the key '", key, "'; got none.");
  return *found;
}

std::string text_of(const json& object, const char* key, const Place& place) {
  const json& value = member(object, key, place);
  require_runtime(value.is_string(), "[squad] '", key, "' of ", place.name, " must be a text; got ",
                  value.type_name(), ".");
  return value.get<std::string>();
}

const json& list_of(const json& object, const char* key, const Place& place) {
  const json& value = member(object, key, place);
  require_runtime(value.is_array(), "[squad] '", key, "' of ", place.name, " must be a list; got ",
                  value.type_name(), ".");
  return value;
}

/// Where each character of a text starts, and the text's end.
std::vector<size_t> character_places(std::string_view text) {
  std::vector<size_t> places;
  for (size_t at = 0; at < text.size(); at += next_code_point(text, at).bytes) places.push_back(at);
  places.push_back(text.size());
  return places;
}

std::optional<TextSpan> find_answer(std::string_view context, const std::vector<size_t>& places,
                                    int64_t start, std::string_view answer) {
  if (start > std::ssize(places)) return {};
  for (int64_t slip = 0; slip <= kLargestSlip; ++slip)
    for (const int64_t from : {start - slip, start + slip}) {
      if (from < 0 || from >= std::ssize(places) || answer.empty()) continue;
      const size_t begin = places[static_cast<size_t>(from)];
      if (context.substr(begin).starts_with(answer)) return TextSpan{begin, begin + answer.size()};
    }
  return {};
}

SquadQuestion read_question(const json& from, const Place& place, std::string_view context,
                            const std::vector<size_t>& places) {
  SquadQuestion question{.id = text_of(from, "id", place),
                         .text = text_of(from, "question", place),
                         .answers = {},
                         .place = {}};
  if (from.value("is_impossible", json(false)) == json(true)) return question;
  const json& answers = list_of(from, "answers", place);
  for (size_t i = 0; i < answers.size(); ++i) {
    const Place here = place.at("answers", i);
    question.answers.push_back(text_of(answers[i], "text", here));
    const json& start = member(answers[i], "answer_start", here);
    require_runtime(start.is_number_integer() && start.get<int64_t>() >= 0,
                    "[squad] 'answer_start' of ", here.name,
                    " must be a whole number from 0 on; got ", start.dump(), ".");
    if (i == 0)
      question.place = find_answer(context, places, start.get<int64_t>(), question.answers.front());
  }
  return question;
}

json parse(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = read_file("squad", path);
  try {
    return json::parse(bytes.begin(), bytes.end());
  } catch (const json::parse_error& error) {
    fail_runtime("[squad] ", path.string(),
                 " must hold one JSON object; got malformed JSON at byte ", error.byte, " of ",
                 bytes.size(), ". Is the file complete?");
  }
}

void read_paragraph(const json& from, const Place& place, SquadFile& file) {
  const std::string context = text_of(from, "context", place);
  const std::vector<size_t> places = character_places(context);
  const json& questions = list_of(from, "qas", place);
  for (size_t i = 0; i < questions.size(); ++i) {
    file.questions.push_back(read_question(questions[i], place.at("qas", i), context, places));
    file.questions.back().context = file.contexts.size();
  }
  file.contexts.push_back(context);
}

}  // namespace

SquadFile read_squad(const std::filesystem::path& path) {
  const json root = parse(path);
  const Place top{path.string(), /*is_file=*/true};
  SquadFile file;
  const json& articles = list_of(root, "data", top);
  for (size_t i = 0; i < articles.size(); ++i) {
    const Place article = top.at("data", i);
    const json& paragraphs = list_of(articles[i], "paragraphs", article);
    for (size_t j = 0; j < paragraphs.size(); ++j)
      read_paragraph(paragraphs[j], article.at("paragraphs", j), file);
  }
  require_runtime(!file.questions.empty(), "[squad] ", path.string(),
                  " must hold questions; got none.");
  file.may_be_impossible =
      std::ranges::any_of(file.questions, [](const auto& q) { return q.answers.empty(); });
  return file;
}

}  // namespace tessera

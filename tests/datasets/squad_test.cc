#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "datasets/text/make_text.h"
#include "datasets/text/squad_answers.h"
#include "datasets/text/squad_batches.h"
#include "datasets/tokenizers/make_tokenizer.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;
using nlohmann::json;

namespace {

json answer(const char* text, int start) { return {{"text", text}, {"answer_start", start}}; }

json question(const char* id, const char* text, const std::vector<json>& answers) {
  return {{"id", id}, {"question", text}, {"answers", answers}};
}

json file_of(const std::vector<std::pair<std::string, std::vector<json>>>& paragraphs) {
  json list = json::array();
  for (const auto& [context, questions] : paragraphs)
    list.push_back({{"context", context}, {"qas", questions}});
  return {{"version", "1.1"}, {"data", {{{"title", "t"}, {"paragraphs", list}}}}};
}

std::unique_ptr<const WordPiece> tokenizer() {
  TokenizerData data;
  data.type = "wordpiece";
  data.options.lowercase = true;
  data.tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "who", "?", "the",
                 "cafe",  "near",  "rom",   "##e",   "is",     "old", ".", "a",
                 "b",     "c",     "d",     "e",     "f",      "g"};
  return std::make_unique<WordPiece>(std::move(data));
}

/// "Who ?" is [CLS] 5 6 [SEP], so that windows of 9 tokens hold 4 of the context.
constexpr SquadOptions kOptions{
    .max_length = 9, .max_question_length = 3, .doc_stride = 2, .max_answer_length = 2};

SquadSet set_of(const TemporaryFolder& folder, const json& file, bool for_training = true) {
  folder.write("squad.json", file.dump());
  return make_squad_set(read_squad(folder / "squad.json"), *tokenizer(), kOptions, for_training);
}

std::string text_at(const SquadFile& file, size_t question) {
  const SquadQuestion& from = file.questions[question];
  if (!from.place) return "";
  return file.contexts[from.context].substr(from.place->begin, from.place->end - from.place->begin);
}

}  // namespace

TEST_CASE("squad files: answer_start counts characters, and may be off by two") {
  const TemporaryFolder folder;
  json impossible = question("5", "who?", {});
  impossible["is_impossible"] = true;
  folder.write("squad.json",
               file_of({{"Zażółć café near Rome",
                         {question("1", "who?", {answer("café", 7), answer("Rome", 17)}),
                          question("2", "who?", {answer("Rome", 19)}),
                          question("3", "who?", {answer("Rome", 2)}),
                          question("4", "who?", {answer("near", 400)}), impossible}}})
                   .dump());
  const SquadFile file = read_squad(folder / "squad.json");
  REQUIRE(file.questions.size() == 5);
  CHECK(file.questions[0].answers == std::vector<std::string>{"café", "Rome"});
  CHECK(text_at(file, 0) == "café");
  CHECK(text_at(file, 1) == "Rome");
  CHECK_FALSE(file.questions[2].place.has_value());
  CHECK_FALSE(file.questions[3].place.has_value());
  CHECK(file.questions[4].answers.empty());
  CHECK(file.may_be_impossible);
}

TEST_CASE("squad files: what is wrong is named") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) {
    folder.write("squad.json", text);
    return message_of([&] { read_squad(folder / "squad.json"); });
  };
  check_message(error("{\"data\": ["),
                "got malformed JSON at byte 11 of 10. Is the file complete?");
  check_message(error("{\"data\": 1} x"), "got malformed JSON at byte 13 of 13");
  check_message(error("{\"data\": \"\xff\"}"), "got malformed JSON at byte ");
  check_message(error("{}"), ".json must have the key 'data'");
  check_message(error("{\"data\": 1}"), "'data' of ");
  check_message(error("{\"data\": []}"), "must hold questions; got none");
  json file = file_of({{"a b", {question("1", "who?", {answer("a", 0)})}}});
  json& paragraph = file["data"][0]["paragraphs"][0];
  paragraph["qas"][0]["answers"][0]["answer_start"] = "0";
  check_message(
      error(file.dump()),
      "squad.json: data[0].paragraphs[0].qas[0].answers[0] must be a whole number from 0 on");
  paragraph["qas"][0]["answers"][0]["answer_start"] = -1;
  check_message(error(file.dump()), "must be a whole number from 0 on; got -1");
  paragraph["qas"][0].erase("question");
  check_message(error(file.dump()), "data[0].paragraphs[0].qas[0] must have the key 'question'");
  paragraph["context"] = 3;
  check_message(error(file.dump()), "'context' of ");
  check_message(message_of([&] { read_squad(folder / "none.json"); }), "none.json");
}

TEST_CASE("squad windows: question, context and the answer's tokens from its characters") {
  const TemporaryFolder folder;
  // the CAFÉ near Rom|e .
  const SquadSet set = set_of(folder, file_of({{"The CAFÉ near Rome.",
                                                {question("1", "Who?", {answer("CAFÉ", 4)}),
                                                 question("2", "Who?", {answer("near Rome", 9)}),
                                                 question("3", "Who?", {answer("om", 15)})}}}));
  REQUIRE(set.windows.size() == 6);
  const SquadWindow& first = set.windows[0];
  CHECK(first.text.ids == std::vector<int32_t>{2, 5, 6, 3, 7, 8, 9, 10, 3});
  CHECK(first.text.segments == std::vector<int32_t>{0, 0, 0, 0, 1, 1, 1, 1, 1});
  CHECK(first.target == std::array<int64_t, 2>{5, 5});
  const SquadWindow& second = set.windows[1];
  CHECK(second.text.ids == std::vector<int32_t>{2, 5, 6, 3, 9, 10, 11, 14, 3});
  CHECK(second.token == 2);
  CHECK(second.target == std::array<int64_t, 2>{0, 0});  // the answer is not in it
  // An answer that a window cuts is not in it.
  CHECK(set.windows[2].target == std::array<int64_t, 2>{0, 0});
  CHECK(set.windows[3].target == std::array<int64_t, 2>{4, 6});
  // Part of a token is the token.
  CHECK(set.windows[4].target == std::array<int64_t, 2>{7, 7});
  CHECK(set.windows[5].target == std::array<int64_t, 2>{5, 5});
}

TEST_CASE("squad windows: long questions, answers that are not there, and no room") {
  const TemporaryFolder folder;
  const json file = file_of({{"a b",
                              {question("1", "who who who who", {answer("a", 0)}),
                               question("2", "who", {answer("missing", 0)})}}});
  const SquadSet training = set_of(folder, file), test = set_of(folder, file, false);
  CHECK(training.cut_questions == 1);
  CHECK(training.windows.size() == 1);
  CHECK(training.windows[0].text.ids.size() == 3 + 3 + 2);
  CHECK(training.without_place == 1);
  CHECK(test.windows.size() == 2);
  CHECK(test.windows[1].target == std::array<int64_t, 2>{0, 0});
  SquadOptions options = kOptions;
  options.doc_stride = 4;
  check_message(
      message_of([&] { make_squad_set(training.file, *tokenizer(), options, true); }),
      "doc_stride must lie in [1, 3], the tokens that max_length 9 leaves beside a question of 3; "
      "got 4");
}

TEST_CASE("squad answers: the best valid span over all windows") {
  const TemporaryFolder folder;
  json file = file_of({{"a b c d e f", {question("1", "who?", {answer("c d", 4)})}}});
  const SquadSet set = set_of(folder, file);
  REQUIRE(set.windows.size() == 2);  // a b c d, c d e f
  using Logits = std::vector<float>;
  const auto answer_of = [](const SquadSet& from, const std::vector<std::array<Logits, 2>>& all) {
    AnswerFinder finder(from);
    for (size_t i = 0; i < all.size(); ++i)
      finder.add(static_cast<int64_t>(i), all[i][0], all[i][1]);
    std::vector<std::string> texts;
    for (const FoundAnswer& found : finder.answers()) texts.push_back(found.text);
    return texts;
  };
  const Logits none(9, 0.0f);
  const auto at = [&](int place, float value) {
    Logits logits = none;
    logits[static_cast<size_t>(place)] = value;
    return logits;
  };
  using Answers = std::vector<std::string>;
  CHECK(answer_of(set, {{at(6, 2), at(7, 2)}, {none, none}}) == Answers{"c d"});
  CHECK(answer_of(set, {{at(6, 2), at(7, 2)}, {at(6, 3), at(7, 3)}}) == Answers{"e f"});
  // The end before the begin, a span that is too long, and the question are no answers.
  CHECK(answer_of(set, {{at(6, 5), at(5, 4)}, {none, none}}) == Answers{"c"});
  CHECK(answer_of(set, {{at(4, 5), at(6, 4)}, {none, none}}) == Answers{"a"});
  CHECK(answer_of(set, {{at(1, 9), at(2, 9)}, {at(5, 1), at(5, 1)}}) == Answers{"d"});
  // [CLS] counts where the file has questions without an answer.
  CHECK(answer_of(set, {{at(0, 9), at(0, 9)}, {at(5, 1), at(5, 1)}}) == Answers{"d"});
  file["data"][0]["paragraphs"][0]["qas"][0]["is_impossible"] = true;
  const SquadSet impossible = set_of(folder, file);
  CHECK(answer_of(impossible, {{at(0, 9), at(0, 9)}, {at(0, 1), at(0, 2)}}) == Answers{""});
  CHECK(answer_of(impossible, {{at(0, 9), at(0, 9)}, {at(5, 1), at(5, 1)}}) == Answers{"d"});
  // Of any file at a threshold: [CLS] has 3 and the span 2, then 3.
  for (const auto& [threshold, text] : {std::pair{0.5, ""}, {1.0, "d"}, {-2.0, ""}}) {
    AnswerFinder finder(set, threshold);
    for (int64_t window = 0; window < 2; ++window) {
      Logits begin = none, end = none;
      begin[0] = 3;
      if (window == 1) begin[5] = end[5] = 1;
      finder.add(window, begin, end);
    }
    CHECK(finder.answers()[0].text == text);
    CHECK(finder.answers()[0].score == (text == std::string("d") ? 2 : 3));
  }
}

TEST_CASE("squad scores: exact match and F1 as the official scripts count them") {
  SquadFile file;
  file.contexts = {"x"};
  file.questions = {{.id = "1", .text = "", .answers = {"the cat", "cats"}, .place = {}},
                    {.id = "2", .text = "", .answers = {"red and blue"}, .place = {}},
                    {.id = "3", .text = "", .answers = {}, .place = {}},
                    {.id = "4", .text = "", .answers = {}, .place = {}}};
  file.may_be_impossible = true;
  const std::vector<FoundAnswer> predictions = {{"Cat!"}, {"blue"}, {}, {"something"}};
  const AnswerScores scores = score_answers(file, predictions);
  CHECK(scores.exact_match == doctest::Approx((1.0 + 0 + 1 + 0) / 4));
  CHECK(scores.f1 == doctest::Approx((1.0 + 0.5 + 1 + 0) / 4));  // 1 of 1 and 1 of 3: F1 1/2
}

TEST_CASE("squad from files: contexts held out, batches, notes, errors") {
  const TemporaryFolder folder;
  std::vector<std::pair<std::string, std::vector<json>>> paragraphs;
  for (int i = 0; i < 10; ++i)
    paragraphs.push_back({"the old cafe " + std::to_string(i),
                          {question("a", "who is old?", {answer("cafe", 8)}),
                           question("b", "who?", {answer("gone", 8)})}});
  folder.write("train-v1.1.json", file_of(paragraphs).dump());
  folder.write("dev-v1.1.json",
               file_of({{"the old cafe", {question("c", "who?", {answer("cafe", 8)})}}}).dump());
  DataConfig config;
  config.type = "squad";
  config.root = folder.path().string();
  config.batch_size = 3;
  config.validation = 0.2;
  config.max_length = 24;
  config.max_question_length = 8;
  config.tokenizer.min_count = 1;
  const TextData data = make_text(config, 1, folder / "cache");
  CHECK(data.task == TextTask::answer_span);
  CHECK(data.train->samples() == 8);       // one of two questions has its answer
  CHECK(data.validation->samples() == 4);  // two contexts, with what cannot be found
  CHECK(data.test->samples() == 1);
  CHECK(std::ranges::count_if(data.notes, [](const std::string& note) {
          return note.starts_with(
              "8 of 16 training questions have an answer that does not stand at "
              "its answer_start, the first has the id b");
        }) == 1);
  const Batch batch = data.train->epoch(0)(0);
  REQUIRE(batch.inputs.size() == 3);
  CHECK(batch.target.shape() == Shape{3, 2});
  const auto& source = dynamic_cast<const SquadBatches&>(*data.train);
  const SquadWindow& window = source.set().windows[static_cast<size_t>(source.chosen(0)[0][0])];
  CHECK(batch.target.data<int64_t>()[0] == window.target[0]);
  CHECK(batch.inputs[1].data<int64_t>()[0] == std::ssize(window.text.ids));
  CHECK_FALSE(data.train->labels_tokens());

  const auto error = [&] { return message_of([&] { make_text(config, 1, folder / "cache"); }); };
  config.test_file = "dev-v2.0.json";
  check_message(error(), "dev-v2.0.json");
  config.tokenizer.type = "words";
  check_message(error(), "squad needs data.tokenizer.type wordpiece");
}

// Windows, answers and scores against the references that make_squad_golden.py runs.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "datasets/text/squad_answers.h"
#include "datasets/tokenizers/make_tokenizer.h"

using namespace tessera;
using nlohmann::json;

namespace {

const std::string kSquadGolden = "tests/golden/squad/";

/// As make_squad_golden.py has it.
float golden_logit(uint64_t window, uint64_t side, uint64_t token) {
  const uint64_t mixed = (window * 7919 + side * 104729 + token * 31337 + 1) * 2654435761;
  return static_cast<float>((mixed & 0xffffffff) >> 20) / 64;
}

std::vector<float> golden_logits(int64_t window, uint64_t side, size_t tokens, float of_none) {
  std::vector<float> logits;
  for (size_t t = 0; t < tokens; ++t)
    logits.push_back(golden_logit(static_cast<uint64_t>(window), side, t));
  logits[0] += of_none;
  return logits;
}

void check_windows(const SquadSet& set, const json& expected) {
  REQUIRE(set.windows.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    const SquadWindow& window = set.windows[i];
    CHECK(window.question == expected[i]["question"].get<size_t>());
    CHECK(window.text.ids == expected[i]["ids"].get<std::vector<int32_t>>());
    CHECK(window.text.segments == expected[i]["types"].get<std::vector<int32_t>>());
    CHECK(window.target == expected[i]["target"].get<std::array<int64_t, 2>>());
    CHECK(window.first == expected[i]["first"].get<int64_t>());
    CHECK(window.token == expected[i]["token"].get<int64_t>());
    CHECK(window.count == expected[i]["count"].get<int64_t>());
  }
}

void check_scores(const SquadFile& file, const json& expected) {
  std::vector<FoundAnswer> predictions;
  for (const auto& text : expected["predictions"]) predictions.push_back({text.get<std::string>()});
  const AnswerScores scores = score_answers(file, predictions);
  CHECK(std::abs(scores.exact_match - expected["exact_match"].get<double>()) < 1e-12);
  CHECK(std::abs(scores.f1 - expected["f1"].get<double>()) < 1e-12);
}

}  // namespace

TEST_CASE("squad: windows, answers and scores equal BERT's, transformers' and the official ones") {
  std::ifstream in(kSquadGolden + "expected.json");
  const json golden = json::parse(in);
  const auto tokenizer = make_tokenizer(TokenizerSpec{
      "wordpiece", {"tests/golden/tokenizers/wordpiece_vocab.txt"}, {.lowercase = true}});
  const SquadOptions options{.max_length = golden["max_length"],
                             .max_question_length = golden["max_question_length"],
                             .doc_stride = golden["doc_stride"],
                             .max_answer_length = golden["max_answer_length"]};
  for (const std::string name : {"v1.json", "v2.json"}) {
    CAPTURE(name);
    const SquadSet set = make_squad_set(read_squad(kSquadGolden + name),
                                        dynamic_cast<const WordPiece&>(*tokenizer), options, false);
    CHECK(set.file.may_be_impossible == (name == "v2.json"));
    check_windows(set, golden[name]["windows"]);
    AnswerFinder finder(set);
    for (int64_t w = 0; w < std::ssize(set.windows); ++w) {
      const size_t tokens = set.windows[static_cast<size_t>(w)].text.ids.size();
      const float of_none = set.file.may_be_impossible ? 52 : 0;
      finder.add(w, golden_logits(w, 0, tokens, of_none), golden_logits(w, 1, tokens, of_none));
    }
    const auto found = finder.answers();
    const json& expected = golden[name]["found"]["predictions"];
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      CHECK(found[i].text == expected[i].get<std::string>());
    check_scores(set.file, golden[name]["found"]);
    check_scores(set.file, golden[name]["said"]);
  }
}

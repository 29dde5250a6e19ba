// BLEU against sacreBLEU, answers against SQuAD's script, and classification by hand.
#include "datasets/text_metrics.h"

#include <cmath>

#include "tests/datasets/dataset_testing.h"
#include "tests/datasets/tokenizers/golden.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Labels = std::vector<int32_t>;
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("bleu equals sacreBLEU's") {
  const auto golden = golden_json("bleu.json");
  CHECK(golden.size() == 40);
  for (const auto& expected : golden) {
    const auto name = expected["name"].get<std::string>();
    const bool mteval = expected["tokenize"] == "13a";
    INFO(name, mteval ? " 13a" : " none", expected["lowercase"].dump());
    const auto references = expected["references"].get<std::vector<Lines>>();
    const Bleu bleu =
        corpus_bleu(expected["hypotheses"].get<Lines>(), references,
                    {mteval ? BleuOptions::Tokenize::mteval_13a : BleuOptions::Tokenize::none,
                     expected["lowercase"].get<bool>()});
    CHECK(std::abs(bleu.score - expected["score"].get<double>()) < 1e-9);
    CHECK(std::abs(bleu.brevity_penalty - expected["brevity_penalty"].get<double>()) < 1e-12);
    CHECK(bleu.hypothesis_length == expected["hypothesis_length"]);
    CHECK(bleu.reference_length == expected["reference_length"]);
    for (size_t n = 0; n < 4; ++n)
      CHECK(std::abs(bleu.precisions[n] - expected["precisions"][n].get<double>()) < 1e-9);
  }
  check_message(message_of([] { corpus_bleu(Lines{"a"}, {}); }), "must be references; got none");
  check_message(message_of([] {
                  corpus_bleu(Lines{"a"}, std::vector<Lines>{{"a", "b"}});
                }),
                "got 1 hypotheses and 2 references");
}

TEST_CASE("squad: exact match and F1 equal the official script's") {
  const auto golden = golden_json("squad.json");
  CHECK(golden.size() >= 14);
  for (const auto& expected : golden) {
    const auto prediction = expected["prediction"].get<std::string>();
    const auto answers = expected["answers"].get<Lines>();
    INFO(prediction);
    CHECK(normalize_answer(prediction) == expected["normalized"].get<std::string>());
    CHECK(squad_exact_match(prediction, answers) == expected["exact"].get<double>());
    CHECK(std::abs(squad_f1(prediction, answers) - expected["f1"].get<double>()) < 1e-12);
  }
  const std::vector<std::string> greek{"ο λόγος"};
  CHECK(squad_exact_match("Ο ΛΌΓΟΣ.", greek) == 1);
  check_message(message_of([] { squad_f1("x", {}); }), "must have answers; got none");
}

TEST_CASE("classification: F1 and Matthews correlation") {
  struct Case {
    Labels predicted, expected;
    double f1, macro, matthews;
  };
  for (const Case& test : std::vector<Case>{
           // TP 2, FP 1, FN 1, TN 0.
           {{1, 0, 1, 1}, {1, 1, 1, 0}, 2.0 / 3, 1.0 / 3, -1.0 / 3},
           {{1, 0, 1}, {1, 0, 1}, 1, 1, 1},
           {{0, 1}, {1, 0}, 0, 0, -1},
           {{1, 1, 1}, {1, 0, 1}, 0.8, 0.4, 0},
           {{0, 0}, {0, 0}, 0, 1, 0},
           // F1 of classes 0, 1, 2: 1, 0.4, 0; correct 3, sum of products 12, of squares 14 and 12.
           {{0, 2, 1, 0, 1, 1}, {0, 1, 2, 0, 1, 2}, 0.4, 1.4 / 3, 6 / std::sqrt(22.0 * 24.0)}}) {
    CHECK(std::abs(binary_f1(test.predicted, test.expected) - test.f1) < 1e-12);
    CHECK(std::abs(macro_f1(test.predicted, test.expected) - test.macro) < 1e-12);
    CHECK(std::abs(matthews_correlation(test.predicted, test.expected) - test.matthews) < 1e-12);
  }
  CHECK(binary_f1(Labels{2, 0, 2}, Labels{2, 2, 2}, 2) == 0.8);
  CHECK(std::abs(perplexity(2) - 7.38905609893065) < 1e-12);
  check_message(message_of([] { macro_f1(Labels{1}, Labels{1, 0}); }), "got 1 and 2");
  check_message(message_of([] { binary_f1(Labels{}, Labels{}); }), "got 0 and 0");
  check_message(message_of([] { matthews_correlation(Labels{-1}, Labels{0}); }), "prediction -1");
}

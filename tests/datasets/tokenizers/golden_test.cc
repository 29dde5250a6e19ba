// WordPiece and BPE against Hugging Face's tokenizers: ids, decoded text, pairs, truncation, and
// the BPE vocabulary that training yields.
#include "tests/datasets/tokenizers/golden.h"

#include "datasets/tokenizers/make_tokenizer.h"
#include "datasets/tokenizers/train_tokenizer.h"
#include "datasets/tokenizers/utf8.h"
#include "datasets/tokenizers/wordpiece.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Ids = std::vector<int32_t>;

TokenizerSpec wordpiece(bool lowercase) {
  return {"wordpiece", {golden_path("wordpiece_vocab.txt")}, {.lowercase = lowercase}};
}

TokenizerSpec bpe(bool add_prefix_space = false) {
  return {"bpe",
          {golden_path("bpe-vocab.json"), golden_path("bpe-merges.txt")},
          {.add_prefix_space = add_prefix_space}};
}

void check_texts(const Tokenizer& tokenizer, const nlohmann::json& texts, size_t at_least) {
  CHECK(texts.size() >= at_least);
  for (const auto& expected : texts) {
    const std::string text = from_hex(expected["text"].get<std::string>());
    INFO("text: ", text, " = ", expected["text"].get<std::string>());
    const Ids ids = tokenizer.encode(text);
    CHECK(ids == expected["ids"].get<Ids>());
    CHECK(replace_invalid_utf8(tokenizer.decode(ids)) ==
          from_hex(expected["decoded"].get<std::string>()));
    CHECK(replace_invalid_utf8(tokenizer.decode(ids, true)) ==
          from_hex(expected["with_special"].get<std::string>()));
  }
}

void check_pairs(const Tokenizer& tokenizer, const nlohmann::json& pairs) {
  CHECK(pairs.size() >= 40);
  for (const auto& expected : pairs) {
    const auto first = expected["first"].get<std::string>();
    const auto second = expected["second"].get<std::string>();
    const auto length = expected["max_length"].get<int64_t>();
    INFO(first, " | ", second, " | ", length);
    const Encoding pair = tokenizer.encode_with_specials(first, second, length);
    CHECK(pair.ids == expected["ids"].get<Ids>());
    CHECK(pair.token_types == expected["types"].get<Ids>());
    const Encoding single = tokenizer.encode_with_specials(first, length);
    CHECK(single.ids == expected["single"].get<Ids>());
    CHECK(single.token_types == Ids(single.ids.size(), 0));
  }
}

}  // namespace

TEST_CASE("wordpiece equals Hugging Face's") {
  for (const bool lowercase : {false, true}) {
    const auto golden = golden_json(lowercase ? "wordpiece_uncased.json" : "wordpiece_cased.json");
    const auto tokenizer = make_tokenizer(wordpiece(lowercase));
    check_texts(*tokenizer, golden["texts"], 100);
    check_pairs(*tokenizer, golden["pairs"]);
    // What a model file holds is enough.
    check_texts(*deserialize_tokenizer(tokenizer->serialize()), golden["texts"], 100);
  }
}

TEST_CASE("wordpiece: tokens stand for the bytes that Hugging Face's offsets say") {
  for (const bool lowercase : {false, true}) {
    const auto tokenizer = make_tokenizer(wordpiece(lowercase));
    const auto& wordpieces = dynamic_cast<const WordPiece&>(*tokenizer);
    const auto golden =
        golden_json(lowercase ? "wordpiece_spans_uncased.json" : "wordpiece_spans_cased.json");
    CHECK(golden.size() >= 50);
    for (const auto& expected : golden) {
      const std::string text = from_hex(expected["text"].get<std::string>());
      INFO("text: ", text);
      const WordPiece::Pieces pieces = wordpieces.encode_with_spans(text);
      CHECK(pieces.ids == expected["ids"].get<Ids>());
      std::vector<size_t> spans;
      for (const auto& [begin, end] : pieces.spans) spans.insert(spans.end(), {begin, end});
      CHECK(spans == expected["spans"].get<std::vector<size_t>>());
    }
  }
}

TEST_CASE("bpe equals Hugging Face's") {
  const auto tokenizer = make_tokenizer(bpe());
  const auto golden = golden_json("bpe.json")["texts"];
  check_texts(*tokenizer, golden, 90);
  check_texts(*deserialize_tokenizer(tokenizer->serialize()), golden, 90);
  check_texts(*make_tokenizer(bpe(true)), golden_json("bpe_prefix_space.json")["texts"], 30);
}

TEST_CASE("bpe: training yields Hugging Face's vocabulary and merges") {
  const std::vector<std::filesystem::path> corpus{golden_path("corpus.txt")};
  const TokenizerData trained =
      train_tokenizer({.type = "bpe", .vocab_size = 900, .min_count = 2}, corpus);
  const TokenizerData expected = read_tokenizer(bpe());
  CHECK(trained.tokens == expected.tokens);
  CHECK(trained.merges == expected.merges);
}

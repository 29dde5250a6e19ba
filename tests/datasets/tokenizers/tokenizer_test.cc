// What every tokenizer promises: round trips, special tokens, unknown tokens, and its JSON form.
#include "datasets/tokenizers/tokenizer.h"

#include <random>

#include "datasets/tokenizers/make_tokenizer.h"
#include "datasets/tokenizers/sentencepiece_tokenizer.h"
#include "datasets/tokenizers/train_tokenizer.h"
#include "tests/datasets/dataset_testing.h"
#include "tests/datasets/tokenizers/golden.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Ids = std::vector<int32_t>;

TokenizerData data_of(const std::string& type, std::vector<std::string> tokens,
                      TokenizerOptions options = {}) {
  return {.type = type, .options = std::move(options), .tokens = std::move(tokens)};
}

std::unique_ptr<Tokenizer> golden_bpe() {
  return make_tokenizer({"bpe", {golden_path("bpe-vocab.json"), golden_path("bpe-merges.txt")}});
}

std::unique_ptr<Tokenizer> trained(const std::string& type, int64_t vocab_size = 600) {
  const std::vector<std::filesystem::path> corpus{golden_path("corpus.txt")};
  return make_tokenizer(
      train_tokenizer({.type = type, .vocab_size = vocab_size, .min_count = 1}, corpus));
}

}  // namespace

TEST_CASE("bpe: decode(encode(x)) == x for any bytes") {
  const auto tokenizer = golden_bpe();
  std::mt19937 random(7);
  for (int trial = 0; trial < 2000; ++trial) {
    std::string text(random() % 60, '\0');
    // Half of the texts from a few bytes, so that merges, spaces and cut-off characters meet.
    const std::string few = "the \n's\xc3\xa9\xe2\x82\xf0\x9f\x80\xff 12";
    for (char& byte : text)
      byte = trial % 2 == 0 ? static_cast<char>(random()) : few[random() % few.size()];
    REQUIRE(tokenizer->decode(tokenizer->encode(text)) == text);
  }
}

TEST_CASE("bpe: a long piece without spaces") {
  const auto tokenizer = golden_bpe();
  std::string text;
  for (int i = 0; i < 200000; ++i) text += i % 3 == 0 ? "the" : "ae";
  CHECK(tokenizer->decode(tokenizer->encode(text)) == text);
}

TEST_CASE("characters and words: round trips of the text they were made from") {
  const std::string corpus = golden_text("corpus.txt");
  const auto characters = trained("characters");
  CHECK(characters->decode(characters->encode(corpus)) == corpus);
  const auto words = trained("words", 100000);
  CHECK(words->decode(words->encode("to be or not \n to  be")) == "to be or not to be");
  const auto pieces = trained("wordpiece", 2000);
  CHECK(pieces->decode(pieces->encode("Speak, speak.")) == "Speak, speak.");
}

TEST_CASE("words: unknown words show, special tokens do not") {
  const auto words = make_tokenizer(
      data_of("words", {"<pad>", "<unk>", "<s>", "</s>", "tree", "grün"}, {.lowercase = true}));
  const Ids ids = words->encode("TREE  xyz\u00a0GRÜN");
  CHECK(ids == Ids{4, 1, 5});
  CHECK(words->decode(std::vector<int32_t>{2, 4, 1, 5, 3, 0}) == "tree <unk> grün");
  CHECK(words->decode(std::vector<int32_t>{2, 4, 3}, true) == "<s> tree </s>");
  CHECK(words->encode_with_specials("tree").ids == Ids{2, 4, 3});
  const Encoding pair = words->encode_with_specials("tree", "tree tree");
  CHECK(pair.ids == Ids{2, 4, 3, 4, 4, 3});
  CHECK(pair.token_types == Ids{0, 0, 0, 1, 1, 1});
}

TEST_CASE("characters: unknown ones, with and without a token for them") {
  const auto with = make_tokenizer(data_of("characters", {"<unk>", "a", "é"}));
  CHECK(with->encode("aéx\xff") == Ids{1, 2, 0, 0});
  const auto without = make_tokenizer(data_of("characters", {"a", "b"}));
  CHECK(without->encode("ab") == Ids{0, 1});
  check_message(message_of([&] { without->encode("abc"); }), "must hold \"c\"");
  CHECK(without->special_tokens().unknown == -1);
  CHECK(without->encode_with_specials("ab").ids == Ids{0, 1});
  check_message(message_of([&] { without->encode_with_specials("a", "b"); }),
                "pairs of texts need the special tokens");
}

TEST_CASE("special tokens: by role, none, and misnamed") {
  const std::vector<std::string> tokens{"x", "OOV", "<s>"};
  const auto named = make_tokenizer(
      data_of("words", tokens, {.special = {{"unknown", "OOV"}, {"begin", ""}, {"end", "x"}}}));
  CHECK(named->special_tokens().unknown == 1);
  CHECK(named->special_tokens().begin == -1);
  CHECK(named->special_tokens().end == 0);
  CHECK(named->is_special(0));
  CHECK_FALSE(named->is_special(2));
  CHECK_FALSE(named->is_special(-1));
  struct Case {
    TokenizerData data;
    const char* message;
  };
  for (const Case& test : std::vector<Case>{
           {data_of("words", tokens), "must hold the unknown token"},
           {data_of("words", tokens, {.special = {{"unknwon", "OOV"}}}), "got \"unknwon\""},
           {data_of("words", tokens, {.special = {{"unknown", "UNK"}}}), "got none called \"UNK\""},
           {data_of("words", {"a", "<unk>", "a"}), "got \"a\" as ids 0 and 2"},
           {data_of("words", {"a", "", "<unk>"}), "got \"\" as id 1"},
           {data_of("words", {}), "must hold tokens; got none"},
           {data_of("byte", {"a"}), "got \"byte\""},
           {data_of("bpe", {"a"}), "symbols of all 256 bytes"}})
    check_message(message_of([&] { make_tokenizer(test.data); }), test.message);
}

TEST_CASE("ids out of range and lengths that are too short") {
  const auto pieces = make_tokenizer({"wordpiece", {golden_path("wordpiece_vocab.txt")}});
  const auto size = static_cast<int32_t>(pieces->size());
  check_message(message_of([&] {
                  pieces->decode(std::vector<int32_t>{1, size});
                }),
                "must be in [0, " + std::to_string(size) + "); got " + std::to_string(size));
  check_message(message_of([&] { pieces->token(-1); }), "got -1");
  check_message(message_of([&] { pieces->encode_with_specials("a", 1); }),
                "special tokens, 2; got 1");
  check_message(message_of([&] { pieces->encode_with_specials("a", "b", 2); }),
                "special tokens, 3; got 2");
  CHECK(pieces->encode_with_specials("a", 2).ids.size() == 2);
}

TEST_CASE("serialize: each type comes back equal") {
  const std::string text = "First Citizen: naïve 東京 \xff 12 [MASK] <s>";
  for (const std::string type : {"characters", "words", "wordpiece", "bpe", "sentencepiece"}) {
    if (type == "sentencepiece" && !has_sentencepiece()) continue;
    INFO(type);
    const auto first = trained(type);
    const auto second = deserialize_tokenizer(first->serialize());
    CHECK(second->serialize() == first->serialize());
    CHECK(second->size() == first->size());
    CHECK(second->encode(text) == first->encode(text));
    CHECK(second->decode(second->encode(text), true) == first->decode(first->encode(text), true));
  }
  auto data = read_tokenizer({"wordpiece", {golden_path("wordpiece_vocab.txt")}});
  data.options = {.lowercase = true, .strip_accents = false, .special = {{"mask", ""}}};
  const auto copy = deserialize_tokenizer(make_tokenizer(data)->serialize());
  CHECK(copy->data().options.strip_accents == false);
  CHECK(copy->data().options.lowercase);
  CHECK(copy->special_tokens().mask == -1);
}

TEST_CASE("deserialize: malformed text") {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& test : std::vector<Case>{
           {"", "must be what Tokenizer::serialize() writes"},
           {"{", "must be what Tokenizer::serialize() writes"},
           {"{}", "must be what Tokenizer::serialize() writes"},
           {R"({"type":"words","options":{"lowercase":1}})", "must be what Tokenizer::serialize()"},
           {R"({"type":"x","options":{"lowercase":false,"add_prefix_space":false}})", "got \"x\""},
           {R"({"type":"words","options":{"lowercase":false,"add_prefix_space":false}})",
            "must hold tokens; got none"},
           {R"({"type":"sentencepiece","options":{"lowercase":false,"add_prefix_space":false},)"
            R"("model":"a*"})",
            "must be base64; got the character '*'"}})
    check_message(message_of([&] { deserialize_tokenizer(test.text); }), test.message);
}

TEST_CASE("sentencepiece: train, encode, decode; or say that the library is missing") {
  const std::vector<std::filesystem::path> corpus{golden_path("corpus.txt")};
  const TrainTokenizerOptions options{.type = "sentencepiece", .vocab_size = 500};
  if (!has_sentencepiece()) {
    check_message(message_of([&] { train_tokenizer(options, corpus); }),
                  "needs the SentencePiece library");
    return;
  }
  const TokenizerData data = train_tokenizer(options, corpus);
  CHECK(train_tokenizer(options, corpus).model == data.model);
  const auto tokenizer = make_tokenizer(data);
  CHECK(tokenizer->size() == 500);
  CHECK(tokenizer->token(3) == "</s>");
  CHECK(tokenizer->decode(tokenizer->encode("Hear me speak.")) == "Hear me speak.");
  CHECK(tokenizer->encode_with_specials("speak").ids.back() == 3);
  check_message(message_of([&] { make_tokenizer(data_of("sentencepiece", {})); }),
                "must be a SentencePiece model; got 0 bytes");
  const auto of_size = [&](int64_t vocab_size) {
    return train_tokenizer({.type = "sentencepiece", .vocab_size = vocab_size}, corpus);
  };
  CHECK(make_tokenizer(of_size(100000))->size() < 5000);
  const std::string error = message_of([&] { of_size(20); });
  check_message(error, "must train a model of at most 20 pieces; got: Vocabulary size is smaller");
}

// Vocabularies from small texts, by hand.
#include "datasets/tokenizers/make_tokenizer.h"
#include "datasets/tokenizers/sentencepiece_tokenizer.h"
#include "datasets/tokenizers/train_tokenizer.h"
#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Tokens = std::vector<std::string>;

TokenizerData train(const TrainTokenizerOptions& options, const std::string& text) {
  const TemporaryFolder folder;
  const std::vector<std::filesystem::path> files{folder.write("text", text)};
  return train_tokenizer(options, files);
}

}  // namespace

TEST_CASE("words: by count, then by bytes; min_count and vocab_size") {
  const std::string text = "b a c\nA a <s> b\r\n";
  const Tokens none;
  CHECK(train({.type = "words", .min_count = 1, .special_tokens = none}, text).tokens ==
        Tokens{"a", "b", "<s>", "A", "c"});
  CHECK(train({.type = "words", .min_count = 1, .tokenizer = {.lowercase = true}}, text).tokens ==
        Tokens{"<pad>", "<unk>", "<s>", "</s>", "a", "b", "c"});
  CHECK(train({.type = "words", .min_count = 2, .special_tokens = none}, text).tokens ==
        Tokens{"a", "b"});
  CHECK(train({.type = "words", .vocab_size = 5, .min_count = 1}, text).tokens.back() == "a");
}

TEST_CASE("characters: the most frequent, in the order of code points") {
  CHECK(train({.type = "characters", .vocab_size = 4, .min_count = 1, .special_tokens = Tokens{}},
              "ccbbaaéé\n")
            .tokens == Tokens{"a", "b", "c", "é"});
}

TEST_CASE("wordpiece: alphabet, continuations, then merges") {
  const TokenizerData data =
      train({.type = "wordpiece", .vocab_size = 16, .min_count = 2}, "abab abab ba\n");
  CHECK(data.tokens == Tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b",
                              "ab", "##ab", "abab"});
  const auto tokenizer = make_tokenizer(data);
  CHECK(tokenizer->encode("ababab ba") == std::vector<int32_t>{11, 10, 6, 7});
}

TEST_CASE("bpe: bytes, then merges by count") {
  const TokenizerData data =
      train({.type = "bpe", .vocab_size = 300, .min_count = 2}, "low low lower\nlow");
  CHECK(data.tokens[0] == "<|endoftext|>");
  REQUIRE(data.merges.size() == 3);
  CHECK(data.tokens[257] == "lo");
  CHECK(data.tokens[258] == "low");
  CHECK(data.tokens[259] == "Ġlow");
}

TEST_CASE("training: texts and sizes that yield nothing") {
  struct Case {
    TrainTokenizerOptions options;
    const char* text;
    const char* message;
  };
  for (const Case& test : std::vector<Case>{
           {{.type = "words"}, "", "tokens that occur at least min_count, 2, times; got none"},
           {{.type = "words"}, "a b c", "must hold tokens that occur"},
           {{.type = "bpe"}, "", "must hold tokens that occur"},
           {{.type = "wordpiece", .vocab_size = 12}, "a b c d", "within, 13; got 12"},
           {{.type = "words", .vocab_size = 4}, "a a", "special tokens, 4; got 4"},
           {{.type = "bpe", .vocab_size = 256}, "a a", "all bytes, 257; got 256"},
           {{.type = "word"}, "a a", "got \"word\""}})
    check_message(message_of([&] { train(test.options, test.text); }), test.message);
  check_message(message_of([] {
                  train_tokenizer({.type = "words"}, std::span<const std::filesystem::path>());
                }),
                "got none");
  const std::vector<std::filesystem::path> missing{"no/such/file"};
  check_message(message_of([&] { train_tokenizer({.type = "words"}, missing); }),
                "no/such/file must be a readable file");
}

TEST_CASE("sentencepiece: at most vocab_size pieces; no text, and room for special tokens alone") {
  if (!has_sentencepiece()) return;
  const TokenizerData data = train({.type = "sentencepiece"}, "low lower lowest\nlow\n");
  const int64_t size = make_tokenizer(data)->size();
  CHECK(size > 10);
  CHECK(size < 50);
  const auto error_of = [](int64_t vocab_size, const char* text) {
    return message_of([&] { train({.type = "sentencepiece", .vocab_size = vocab_size}, text); });
  };
  check_message(error_of(100, "\n\n"), "must hold tokens that occur");
  check_message(error_of(4, "low"),
                "vocab_size must be over the number of special tokens, 4; got 4");
}

TEST_CASE("training: a byte order mark at the start of a file is no text") {
  CHECK(train({.type = "words", .min_count = 1}, "\xEF\xBB\xBFlow").tokens.back() == "low");
}

TEST_CASE("training: lines make the vocabulary that a file of them makes") {
  const std::vector<std::string> lines{"low lower lowest", "", "low \u6771\u4eac low"};
  for (const std::string type : {"characters", "words", "wordpiece", "bpe"}) {
    const TrainTokenizerOptions options{.type = type, .vocab_size = 300, .min_count = 1};
    const TokenizerData from_lines = train_tokenizer(options, lines);
    const TokenizerData from_file = train(options, lines[0] + "\n\n" + lines[2] + "\n");
    CHECK(from_lines.tokens == from_file.tokens);
    CHECK(from_lines.merges == from_file.merges);
  }
  check_message(
      message_of([] { train_tokenizer({.type = "words"}, std::vector<std::string>{"a"}); }),
      "got none in the training text");
}

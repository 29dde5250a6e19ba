// Vocabulary files: what is written is read back, and what is malformed is refused by file and
// line.
#include "datasets/tokenizers/make_tokenizer.h"
#include "datasets/tokenizers/train_tokenizer.h"
#include "tests/datasets/dataset_testing.h"
#include "tests/datasets/tokenizers/golden.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("write_tokenizer: the files read back equal") {
  const std::vector<std::filesystem::path> corpus{golden_path("corpus.txt")};
  for (const std::string type : {"characters", "words", "wordpiece", "bpe"}) {
    INFO(type);
    const TemporaryFolder folder;
    const TokenizerData data = train_tokenizer({.type = type, .vocab_size = 500}, corpus);
    const auto files = write_tokenizer(data, folder / "new");
    const TokenizerData by_files = read_tokenizer({type, files});
    const TokenizerData by_folder = read_tokenizer({type, {folder / "new"}});
    CHECK(by_files.tokens == data.tokens);
    CHECK(by_files.merges == data.merges);
    CHECK(by_folder.tokens == data.tokens);
  }
}

TEST_CASE("vocab.txt: a byte order mark is no part of the first token") {
  const TemporaryFolder folder;
  const auto file = folder.write("vocab.txt", "\xEF\xBB\xBF[PAD]\r\n[UNK]\r\n");
  CHECK(read_tokenizer({"wordpiece", {file}}).tokens == std::vector<std::string>{"[PAD]", "[UNK]"});
}

TEST_CASE("bpe: the written files are Hugging Face's to the byte") {
  const TemporaryFolder folder;
  const std::vector<std::filesystem::path> golden{golden_path("bpe-vocab.json"),
                                                  golden_path("bpe-merges.txt")};
  const auto files = write_tokenizer(read_tokenizer({"bpe", golden}), folder.path());
  std::ifstream merges(files[1], std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(merges), {}) == golden_text("bpe-merges.txt"));
  std::ifstream vocabulary(files[0], std::ios::binary);
  CHECK(nlohmann::json::parse(vocabulary) == golden_json("bpe-vocab.json"));
}

TEST_CASE("vocab.txt: line ends, and malformed files") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text) {
    return make_tokenizer({"wordpiece", {folder.write("vocab.txt", text)}});
  };
  CHECK(read("[UNK]\r\na\r\nb")->size() == 3);
  CHECK(read("[UNK]\r\na\r\nb")->find("a") == 1);
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& test : std::vector<Case>{{"", "must hold tokens; got none"},
                                            {"[UNK]\n\na\n", "vocab.txt:2: each line must hold"},
                                            {"[UNK]\na\nb\na\n", "got \"a\" as ids 1 and 3"},
                                            {"a\nb\n", "must hold the unknown token"},
                                            {"[UNK]\n\xff\n", "must be UTF-8"}})
    check_message(message_of([&] { read(test.text); }), test.message);
  check_message(message_of([&] {
                  make_tokenizer({"wordpiece", {folder / "missing.txt"}});
                }),
                "missing.txt must be a readable file");
  check_message(message_of([&] {
                  make_tokenizer(TokenizerSpec{"words", {}});
                }),
                "files must be vocab.txt, in this order, or the folder that holds them; got 0");
  check_message(message_of([&] {
                  make_tokenizer({"bpe", {folder / "vocab.json"}});
                }),
                "files must be vocab.json, merges.txt");
  check_message(message_of([&] {
                  make_tokenizer({"bytes", {folder / "vocab.json"}});
                }),
                "got \"bytes\"");
}

TEST_CASE("vocab.json: malformed files") {
  const TemporaryFolder folder;
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& test : std::vector<Case>{
           {"", "must be a JSON object of tokens and ids; got: "},
           {"{\"a\": 0", "must be a JSON object of tokens and ids; got: "},
           {"[\"a\"]", "must be a JSON object of tokens and ids; got array"},
           {"{\"a\": 0, \"b\": \"1\"}", "ids must be integers; got \"1\" for \"b\""},
           {"{\"a\": 0, \"b\": 2}", "the ids of 2 tokens must be 0 to 1; got 2 for \"b\""},
           {"{\"a\": 0, \"b\": -1}", "got -1 for \"b\""},
           {"{\"a\": 0, \"b\": 0}", "each id must stand once; got 0 for \"a\" and \"b\""},
           {"{\"a\": 0, \"b\": 1, \"a\": 2}", "each token must stand once; got \"a\" twice"}})
    check_message(
        message_of([&] {
          make_tokenizer({"characters", {folder.write("vocab.json", std::string(test.text))}});
        }),
        test.message);
}

TEST_CASE("merges.txt: malformed files, and merges that do not fit the vocabulary") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& merges) {
    return make_tokenizer({"bpe", {golden_path("bpe-vocab.json"), folder.write("m.txt", merges)}});
  };
  CHECK(read("#version: 0.2\n")->data().merges.empty());
  CHECK(read("#version: 0.2\nt h\nth e\n")->data().merges.size() == 2);
  struct Case {
    const char* merges;
    const char* message;
  };
  for (const Case& test : std::vector<Case>{
           {"#version: 0.2\nth\n", "m.txt:2: each line must hold two symbols"},
           {"t h e\n", "m.txt:1: each line must hold two symbols"},
           {"t \n", "m.txt:1: each line must hold two symbols"},
           {"t h\nQ zqx\n", "got number 2, \"Q zqx\", without a token \"Qzqx\""},
           {"zqx h\n", "without a token \"zqxh\""},
           {"t h\nt h\n", "each merge must stand once; got \"t h\" again as number 2"}})
    check_message(message_of([&] { read(test.merges); }), test.message);
}

// Wrong inputs of models of language, through the program: an error that says what is wrong, before
// anything is trained, and no folder of a run left behind; or what is documented to become of them.
#include "tests/datasets/dataset_testing.h"
#include "tests/framework/cli/cli_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Good data of each kind, and configs that train on them in a moment.
struct TextFolder : TemporaryFolder {
  TextFolder() {
    const std::string table = "sentence\tlabel\na good film\t1\na bad film\t0\n";
    for (const char* name : {"train.tsv", "dev.tsv", "test.tsv"}) write(name, table);
    std::string text;
    for (int i = 0; i < 60; ++i) text += "to be or not to be\n";
    write("input.txt", text);
    for (const char* name : {"train.en", "train.de", "val.en", "val.de", "test.en", "test.de"})
      write(name, std::string("one two\nthree\n"));
    config("bert", "sst2, max_length: 16, tokenizer: {type: words, min_count: 1}");
    config("gpt2", "text, sequence: 16, tokenizer: {type: characters}");
    config("seq2seq", "parallel_text, max_length: 16, tokenizer: {type: words, min_count: 1}");
    write("train-v1.1.json", squad("to be", "be"));
    write("dev-v1.1.json", squad("to be", "be"));
    config(
        "bert-span",
        "squad, max_length: 16, max_question_length: 4, validation: 0, tokenizer: {min_count: 1}");
    config("nmt", "parallel_text, max_length: 16, tokenizer: {type: words, min_count: 1}");
  }

  Result train(const std::string& model, const std::vector<std::string>& overrides) const {
    std::vector<std::string> arguments = {"train", (*this / (model + ".yaml")).string()};
    arguments.insert(arguments.end(), overrides.begin(), overrides.end());
    return run_program(arguments);
  }

  static std::string squad(const std::string& context, const std::string& answer) {
    return "{\"data\": [{\"paragraphs\": [{\"context\": \"" + context +
           "\", \"qas\": [{\"id\": \"1\", \"question\": \"what ?\", \"answers\": [{\"text\": \"" +
           answer + "\", \"answer_start\": 3}]}]}]}]}";
  }

 private:
  void config(const std::string& name, const std::string& data) {
    const bool is_span = name == "bert-span";
    const std::string model = is_span ? "bert, head: span" : name;
    write(name + ".yaml", "run: {dir: \"" + (*this / "run").string() +
                              "\", threads: 1}\ndata: {root: \"" + path().string() +
                              "\", batch_size: 2, type: " + data + "}\nmodel: {type: " + model +
                              ", hidden_size: 8, num_layers: 1" +
                              (name == "nmt" ? "" : ", num_heads: 2") + "}\ntrain: {epochs: 1}\n");
  }
};

}  // namespace

TEST_CASE("text: wrong inputs are refused before training") {
  const TextFolder folder;
  struct Case {
    const char* model;
    std::vector<std::string> overrides;
    const char* message;
  };
  for (const Case& t : {
           Case{"bert", {"data.tokenizer.files=[vocab.txt]"}, "neither in the present folder nor"},
           Case{"gpt2",
                {"data.tokenizer={type: bpe, files: [v.json, m.txt]}"},
                "got v.json, which is neither in the present folder nor"},
           Case{"bert", {"model.max_positions=8"}, "got 8 for data with 16 tokens"},
           Case{"gpt2", {"model.max_positions=8"}, "got 8 for data with 16 tokens"},
           Case{"seq2seq", {"model.max_positions=8"}, "got 8 for data with 16 tokens"},
           Case{"gpt2", {"data.sequence=100000"}, "must hold a window"},
           Case{"bert", {"data.batch_tokens=2"}, "data.batch_tokens must hold the longest sample"},
           Case{"bert", {"model.vocab_size=3"}, "[model] vocab_size must fit the data; got 3"},
           Case{"gpt2", {"model.vocab_size=3"}, "[model] vocab_size must fit the data; got 3"},
           Case{"seq2seq", {"model.target_vocab_size=3"}, "target_vocab_size must fit the data"},
           Case{"nmt", {"model.vocab_size=3"}, "[model] vocab_size must fit the data; got 3"},
           Case{"bert-span", {"model.head=classification"}, "must train bert with model.head span"},
           Case{"bert-span", {"model.segments=1"}, "model.segments must be at least 2"},
           Case{"bert",
                {"data.type=tsv", "data.test_file=train.tsv", "data.validation=0.5",
                 "data.pair_column=sentence", "model.segments=1"},
                "got 1."},
           Case{"bert-span", {"data.doc_stride=10"}, "doc_stride must lie in [1, 9]"},
           Case{"bert-span",
                {"data.max_question_length=14"},
                "max_length must leave room for a text"},
           Case{"bert-span", {"data.test_file=dev-v2.0.json"}, "dev-v2.0.json"},
           Case{"bert-span",
                {"data.tokenizer.type=words"},
                "squad needs data.tokenizer.type wordpiece"},
           Case{"nmt", {"data.target=fr"}, "train.en, train.fr"},
           Case{"nmt", {"model.hidden_size=7"}, "hidden_size of nmt must be even"},
           Case{"seq2seq",
                {"data.tokenizer.shared=false", "model.share_embeddings=true"},
                "'model.share_embeddings' needs data.tokenizer.shared"},
       }) {
    CAPTURE(t.message);
    const Result result = folder.train(t.model, t.overrides);
    check_refused(result);
    check_message(result.err, t.message);
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
  }
}

TEST_CASE("text: files that do not fit are refused, empty lines have a documented end") {
  const TextFolder folder;
  const auto error_with = [&](const char* model, const char* file, const std::string& text) {
    std::filesystem::rename(folder / file, folder / "good");
    folder.write(file, text);
    const Result result = folder.train(model, {});
    std::filesystem::rename(folder / "good", folder / file);
    check_refused(result);
    CHECK_FALSE(std::filesystem::exists(folder / "run"));
    return result.err;
  };
  for (const char* const model : {"seq2seq", "nmt"})
    for (const char* const file : {"train.de", "val.de", "test.en"})
      check_message(error_with(model, file, "one two\n"), "must have equally many lines");
  check_message(error_with("nmt", "train.en", "\n\n"), "at least one training pair");
  check_message(error_with("nmt", "test.en", ""), "at least one; got 0 and 2");
  check_message(error_with("bert", "train.tsv", "\n\n\n"), "must have a column 'sentence'");
  check_message(error_with("gpt2", "input.txt", ""), "must hold text; got an empty file");
  check_message(error_with("bert-span", "train-v1.1.json", "{\"data\": [}"),
                "got malformed JSON at byte 11 of 11");
  check_message(error_with("bert-span", "dev-v1.1.json", "{\"data\": [{}]}"),
                "dev-v1.1.json: data[0] must have the key 'paragraphs'");
  check_message(error_with("bert-span", "train-v1.1.json", TextFolder::squad("to be", "not")),
                "the training questions must have answers in their contexts; got none");

  folder.write("train.en", std::string("one two\n\n"));
  const Result result = folder.train("nmt", {});
  CAPTURE(result.err);
  CHECK(result.status == 0);
  check_message(result.out + result.err, "1 empty and 0 too long");
}

TEST_CASE("export: a config.json of somebody else stays, but beside model.safetensors") {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return (folder / name).string(); };
  REQUIRE(run_program({"import", "tests/golden/bert-span", "-o", path("imported")}).status == 0);
  folder.write("config.json", std::string("mine"));
  const auto config = [&] {
    std::ifstream in(folder / "config.json");
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const Result other = run_program(
      {"export", path("imported"), "-o", path("other.safetensors"), "--format", "dense"});
  CHECK(other.status == 0);
  check_message(other.out, "without a config.json");
  CHECK(config() == "mine");
  CHECK(run_program(
            {"export", path("imported"), "-o", path("model.safetensors"), "--format", "dense"})
            .status == 0);
  check_message(config(), "BertForQuestionAnswering");
}

TEST_CASE("data tokenizer: an option that the type would not heed is refused") {
  const TextFolder folder;
  const auto error_with = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"data",    "tokenizer",
                                          "--input", (folder / "input.txt").string(),
                                          "-o",      (folder / "vocabulary").string()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Result result = run_program(arguments);
    check_refused(result);
    CHECK_FALSE(std::filesystem::exists(folder / "vocabulary"));
    return result.err;
  };
  check_message(error_with({"--type", "bpe", "--lowercase"}),
                "--lowercase must be given with --type words or wordpiece; got bpe");
  check_message(error_with({"--type", "words", "--lowercase", "--keep-accents"}),
                "--keep-accents must be given with --type wordpiece");
  check_message(error_with({"--type", "wordpiece", "--keep-accents"}),
                "--keep-accents must come with --lowercase");
  check_message(error_with({"--type", "sentencepiece", "--min-count", "3"}),
                "--min-count must be given with --type characters, words");
  check_message(error_with({"--type", "words", "--min-count", "0"}), "--min-count");
}

TEST_CASE("export: the model itself is not written over") {
  const TemporaryFolder folder;
  const std::string model = (folder / "model").string();
  REQUIRE(run_program({"import", "tests/golden/bert-span", "-o", model}).status == 0);
  const auto bytes = std::filesystem::file_size(model);
  const Result result = run_program({"export", model, "-o", folder.path().string() + "/./model"});
  check_refused(result);
  check_message(result.err, "must be another file than the model");
  CHECK(std::filesystem::file_size(model) == bytes);
}

TEST_CASE("import: prints the data.tokenizer of a config that goes on, where a config can say it") {
  const TemporaryFolder folder;
  for (const char* const file : {"model.safetensors", "config.json"})
    std::filesystem::copy_file(std::string("tests/golden/bert/") + file, folder / file);
  const auto imported = [&] {
    const Result result =
        run_program({"import", folder.path().string(), "-o", (folder / "out").string()});
    CHECK(result.status == 0);
    return result.out;
  };
  check_message(imported(), "No vocabulary was read");
  folder.write("vocab.txt", std::string("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n<sep>\na\n"));
  check_message(imported(),
                "{type: wordpiece, files: [\"" + folder.path().string() + "\"], lowercase: true}");
  folder.write("tokenizer_config.json", std::string("{\"sep_token\": \"<sep>\"}"));
  check_message(imported(), "no data.tokenizer can say yet");
}

TEST_CASE("import: a key of config.json that nobody knows is named, and nothing is written") {
  const TemporaryFolder folder;
  std::filesystem::copy_file("tests/golden/bert/model.safetensors", folder / "model.safetensors");
  std::ifstream in("tests/golden/bert/config.json");
  std::string config(std::istreambuf_iterator<char>(in), {});
  config.insert(config.find('{') + 1, "\"hiden_act\": \"gelu\",");
  folder.write("config.json", config);
  const Result result =
      run_program({"import", folder.path().string(), "-o", (folder / "out").string()});
  check_refused(result);
  check_message(result.err, "'hiden_act'");
  CHECK_FALSE(std::filesystem::exists(folder / "out"));
}

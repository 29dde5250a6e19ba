#include "datasets/text/make_text.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/datasets/dataset_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

DataConfig config_of(const char* type, const TemporaryFolder& folder) {
  DataConfig config;
  config.type = type;
  config.root = folder.path().string();
  config.batch_size = 4;
  config.tokenizer.type = "words";
  config.tokenizer.min_count = 1;
  return config;
}

std::string error_of(const DataConfig& config, const TemporaryFolder& folder) {
  return message_of([&] { make_text(config, 1, folder / "cache"); });
}

void write_sst2(const TemporaryFolder& folder) {
  folder.write("train.tsv", std::string("sentence\tlabel\na good film\t1\n\na bad film\t0\n\t1\n"
                                        "it is a very very long and dull one\t0\n"));
  folder.write("dev.tsv", std::string("sentence\tlabel\r\nbad\t0\r\n"));
  folder.write("test.tsv", std::string("sentence\tlabel\ngood\t1\nunheard words\t0"));
}

bool has_note(const TextData& data, const std::string& part) {
  return std::ranges::any_of(data.notes,
                             [&](const std::string& note) { return note.find(part) != note.npos; });
}

}  // namespace

TEST_CASE("sst2: classes, empty lines and texts, long texts cut and counted") {
  const TemporaryFolder folder;
  write_sst2(folder);
  DataConfig config = config_of("sst2", folder);
  config.max_length = 8;
  const TextData data = make_text(config, 1, folder / "cache");
  CHECK(data.class_names == std::vector<std::string>{"0", "1"});
  CHECK(data.train->samples() == 4);
  CHECK(data.validation->samples() == 1);
  CHECK(data.test->samples() == 2);
  CHECK(has_note(data, "1 of 4 training texts were cut to data.max_length, 8 tokens"));
  const Batch batch = data.train->epoch(0)(0);
  CHECK(batch.inputs[0].shape() == Shape{4, 8});
  const int64_t* const lengths = batch.inputs[1].data<int64_t>();
  CHECK(*std::min_element(lengths, lengths + 4) >= 1);
  CHECK(*std::max_element(lengths, lengths + 4) == 8);
  // A tokenizer made twice from the same text is the same.
  CHECK(make_text(config, 2, folder / "cache").tokenizer->serialize() ==
        data.tokenizer->serialize());
}

TEST_CASE("tsv: columns, pairs, shares held out") {
  const TemporaryFolder folder;
  std::string table = "id\tpremise\thypothesis\tverdict\n";
  for (int i = 0; i < 20; ++i)
    table += "x\tone two\tthree\t" + std::string(i % 2 ? "no" : "yes") + "\n";
  folder.write("train.tsv", table);
  DataConfig config = config_of("tsv", folder);
  config.text_column = "premise";
  config.pair_column = "hypothesis";
  config.label_column = "verdict";
  config.validation = 0.2;
  config.test_share = 0.1;
  const TextData data = make_text(config, 1, folder / "cache");
  CHECK(data.class_names == std::vector<std::string>{"no", "yes"});
  CHECK(data.test->samples() == 2);
  CHECK(data.validation->samples() == 4);
  CHECK(data.train->samples() == 14);
  const Batch batch = data.train->epoch(0)(0);
  const int64_t* const segments = batch.inputs[2].data<int64_t>();
  CHECK(*std::max_element(segments, segments + batch.inputs[2].numel()) == 1);

  config.test_share = 0;
  check_message(error_of(config, folder), "there must be test samples");
  config.text_column = "sentence";
  check_message(error_of(config, folder),
                "must have a column 'sentence'; got the columns id, premise, hypothesis, verdict");
}

TEST_CASE("tsv: a pair whose second text is empty is a pair, as in tessera infer") {
  const TemporaryFolder folder;
  std::string table =
      "\xEF\xBB\xBF"
      "a\tb\tlabel\n";  // with a byte order mark
  for (int i = 0; i < 4; ++i) table += "one two\t\t" + std::to_string(i % 2) + "\n";
  folder.write("train.tsv", table);
  DataConfig config = config_of("tsv", folder);
  config.test_file = "train.tsv";
  config.validation = 0;
  config.text_column = "a";
  config.pair_column = "b";
  config.tokenizer.type = "wordpiece";
  const TextData data = make_text(config, 1, folder / "cache");
  const Encoding pair = data.tokenizer->encode_with_specials("one two", "");
  const Batch batch = data.train->epoch(0)(0);
  const int64_t length = std::ssize(pair.ids);
  CHECK(batch.inputs[1].to_vector<int64_t>() == std::vector<int64_t>(4, length));
  CHECK(batch.inputs[2].data<int64_t>()[length - 1] == 1);
}

TEST_CASE("tsv: a table without a line of names, as CoLA's, has columns 1, 2, ...") {
  const TemporaryFolder folder;
  folder.write("train.tsv", std::string("gj04\t1\t\tOne sang.\ngj04\t0\t*\tSang one the.\n\n"));
  DataConfig config = config_of("tsv", folder);
  config.test_file = "train.tsv";
  config.validation = 0;
  config.header = false;
  config.text_column = "4";
  config.label_column = "2";
  const TextData data = make_text(config, 1, folder / "cache");
  CHECK(data.train->samples() == 2);
  CHECK(data.class_names == std::vector<std::string>{"0", "1"});
  CHECK(data.tokenizer->find("sang.").has_value());
  CHECK_FALSE(data.tokenizer->find("gj04").has_value());
  config.text_column = "sentence";
  check_message(error_of(config, folder), "got the columns 1, 2, 3, 4.");
  folder.write("train.tsv", std::string());
  check_message(error_of(config, folder), "must hold at least one sample; got 0 lines");
}

TEST_CASE("labelled texts: what is wrong with files is named") {
  const TemporaryFolder folder;
  const DataConfig config = config_of("sst2", folder);
  check_message(error_of(config, folder), "the files of sst2 (train.tsv) must lie in one of");
  write_sst2(folder);
  folder.write("test.tsv", std::string("sentence\tlabel\ngood\t2\n"));
  check_message(error_of(config, folder), "the test sample in line 2");
  folder.write("test.tsv", std::string("sentence\tlabel\n\ngood\n"));
  check_message(error_of(config, folder), "test.tsv:3 must have 2 fields between tabs; got 1");
  folder.write("test.tsv", std::string("sentence\tlabel\n"));
  check_message(error_of(config, folder), "at least one sample");
  folder.write("test.tsv", std::string("sentence\tlabel\ngood\t\n"));
  check_message(error_of(config, folder),
                "test.tsv:2 must name a class in the column 'label'; got an empty field");
  for (const std::string bytes : {"PK\x03\x04\tx\n", "\xFF\xFEs\tx\n"}) {
    folder.write("test.tsv", bytes + "x\ty\n");
    check_message(error_of(config, folder), "must be a table in UTF-8; got bytes that are no text");
  }
  folder.write("test.tsv", std::string("sentence,label\ngood,1\n"));
  check_message(error_of(config, folder),
                "got the columns sentence,label alone: fields stand between tabs");
  std::string wide = "a";
  for (int i = 0; i < 100; ++i) wide += "\t" + std::string(1000, 'b');
  folder.write("test.tsv", wide + "\n" + wide + "\n");
  CHECK(error_of(config, folder).size() < 1000);
  check_message(error_of(config, folder), "got the columns a, bbb");
  std::filesystem::remove(folder / "test.tsv");
  std::filesystem::create_directory(folder / "test.tsv");
  check_message(error_of(config, folder), "test.tsv must be a readable file; got a folder");
  std::filesystem::remove(folder / "test.tsv");
  write_sst2(folder);
  DataConfig with_files = config;
  with_files.tokenizer.files = {"vocab.txt"};
  check_message(error_of(with_files, folder),
                "got vocab.txt, which is neither in the present folder nor in ");
}

TEST_CASE("text: split by position, tokens cached, the vocabulary from the training part") {
  const TemporaryFolder folder;
  folder.write("input.txt", std::string(900, 'a') + std::string(100, 'b'));
  DataConfig config = config_of("text", folder);
  config.tokenizer.type = "characters";
  config.sequence = 10;
  config.validation = 0.1;
  const TextData data = make_text(config, 1, folder / "cache");
  CHECK(data.train->samples() == 89);
  CHECK(data.validation->samples() == 10);
  CHECK(data.test == data.validation);
  CHECK_FALSE(data.tokenizer->find("b").has_value());
  CHECK(data.length == 10);
  const Batch batch = data.validation->epoch(0)(0);
  CHECK(batch.inputs.size() == 1);
  CHECK(batch.inputs[0].data<int64_t>()[0] == data.tokenizer->special_tokens().unknown);
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "cache"), {}) == 2);

  config.sequence = 1000;
  check_message(error_of(config, folder), "each part of the text must hold a window");
  config.sequence = 10;
  config.validation = 0;
  check_message(error_of(config, folder), "there must be text to test on");
  folder.write("input.txt", std::string());
  check_message(error_of(config, folder), "must hold text; got an empty file");
}

TEST_CASE("parallel text: names found, empty and long pairs left out, unequal files refused") {
  const TemporaryFolder folder;
  folder.write("train.en", std::string("a man\n\na dog runs\none two three four five six\n"));
  folder.write("train.de", std::string("ein mann\nleer\nein hund\neins zwei\n"));
  folder.write("val.en", std::string("a dog\n"));
  folder.write("val.de", std::string("ein hund\n"));
  folder.write("test_2016_flickr.en", std::string("a man runs\n\n"));
  folder.write("test_2016_flickr.de", std::string("ein mann läuft\nnichts\n"));
  DataConfig config = config_of("parallel_text", folder);
  config.max_length = 5;
  const TextData data = make_text(config, 1, folder / "cache");
  CHECK(data.train->samples() == 2);
  CHECK(has_note(data, "1 empty and 1 too long (data.max_length 5) of 4 training pairs"));
  CHECK(data.test->samples() == 2);
  CHECK(data.test_references[0] == "ein mann läuft");
  REQUIRE(data.test_sources.size() == 2);
  CHECK(data.test_sources[1] == std::vector<int32_t>{data.tokenizer->special_tokens().end});
  CHECK(data.tokenizer == data.target_tokenizer);
  config.tokenizer.shared = false;
  const TextData apart = make_text(config, 1, folder / "cache");
  CHECK(apart.tokenizer->find("man").has_value());
  CHECK_FALSE(apart.target_tokenizer->find("man").has_value());

  folder.write("val.de", std::string("ein hund\nzu viel\n"));
  check_message(error_of(config, folder),
                "must have equally many lines, at least one; got 1 and 2");
  config.source = "fr";
  check_message(error_of(config, folder), "train.fr, train.de");
}

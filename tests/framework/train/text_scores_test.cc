// What texts to classify are judged by, where there are more than two classes.
#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/io/load_config.h"
#include "framework/train/run.h"
#include "tests/temporary_folder.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("three classes of texts: F1 is the mean over them, Matthews correlation counts all") {
  const TemporaryFolder folder;
  std::string table = "sentence\tlabel\n";
  for (int i = 0; i < 90; ++i)
    table += std::array{"red rose\tplant\n", "grey wolf\tanimal\n", "hard rock\tstone\n"}[i % 3];
  folder.write("train.tsv", table);
  const Config config =
      parse_config("run: {name: tiny, threads: 1, dir: " + (folder / "run").string() +
                       "}\ndata: {type: tsv, root: " + folder.path().string() +
                       ", test_file: train.tsv, batch_size: 8, tokenizer: {type: words}}\n"
                       "model: {type: bert, hidden_size: 16, num_layers: 1, num_heads: 2}\n"
                       "optimizer: {type: adamw, lr: 5.0e-3}\ntrain: {epochs: 4}\n",
                   "tiny.yaml");
  run_command(Command::train, config, {.overwrite = true});
  std::ifstream file(folder / "run/summary.json");
  const auto summary = nlohmann::json::parse(file);
  CHECK(summary.at("dense_accuracy").get<double>() == 1);
  CHECK(summary.at("dense_f1").get<double>() == 1);
  CHECK(summary.at("dense_matthews").get<double>() == doctest::Approx(1));

  const auto note_with = [&](const char* from, const char* to) {
    std::string other = table;
    for (size_t at = 0; (at = other.find(from, at)) != other.npos; ++at)
      other.replace(at, std::string_view(from).size(), to);
    folder.write("train.tsv", other);
    return evaluate_file(config, folder / "run/model.safetensors").note;
  };
  CHECK(note_with("stone", "stone").empty());
  CHECK(note_with("plant", "mineral") ==
        "Classes count by their place: the model's 'plant' is taken for the data's 'mineral'.");

  // The file is judged on data of its own task alone.
  const auto refuses = [&](const std::string& sections, const char* message) {
    const Config other = parse_config("run: {threads: 1}\n" + sections, "other.yaml");
    CHECK_THROWS_WITH_AS(evaluate_file(other, folder / "run/model.safetensors"),
                         doctest::Contains(message), std::invalid_argument);
  };
  refuses("data: {type: glyphs, train_samples: 40, test_samples: 40}\nmodel: {type: lenet}\n",
          "[eval] the data are for models of images; got bert");
  folder.write("train.txt", table);
  refuses("data: {type: masked_text, root: " + folder.path().string() +
              "}\nmodel: {type: bert, head: masked_lm}\n",
          "[eval] the data are for bert with model.head masked_lm; got bert");
}

TEST_CASE("a translator with more places for tokens than the data have is judged by those it has") {
  const TemporaryFolder folder;
  for (const char* name : {"train.en", "val.en", "test.en"})
    folder.write(name, "one two\ntwo one\n");
  for (const char* name : {"train.de", "val.de", "test.de"})
    folder.write(name, "eins zwei\nzwei eins\n");
  for (const std::string type : {"seq2seq, num_heads: 2", "nmt"}) {
    const Config config = parse_config(
        "run: {name: tiny, threads: 1, dir: " + (folder / "run").string() +
            "}\ndata: {type: parallel_text, root: " + folder.path().string() +
            ", batch_size: 2, max_length: 8, tokenizer: {type: words, min_count: 1}}\n"
            "model: {type: " +
            type +
            ", hidden_size: 8, num_layers: 1, vocab_size: 50, target_vocab_size: 2000}\n"
            "optimizer: {lr: 1.0e-6}\ntrain: {epochs: 1}\n",
        "tiny.yaml");
    run_command(Command::train, config, {.overwrite = true});
    std::ifstream file(folder / "run/summary.json");
    CHECK(nlohmann::json::parse(file).at("dense_bleu").get<double>() >= 0);
  }
}

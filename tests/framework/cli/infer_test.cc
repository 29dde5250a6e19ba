// `tessera infer`: texts, and images that cannot be read.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "framework/io/image.h"
#include "tests/datasets/dataset_testing.h"
#include "tests/framework/cli/cli_testing.h"
#include "tests/framework/generate/text_model_files.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Runs `tessera infer` with `input` as its standard input.
Result infer(const std::filesystem::path& model, const std::vector<std::string>& options,
             const std::string& input = "") {
  std::istringstream in(input);
  std::streambuf* const stdin_buffer = std::cin.rdbuf(in.rdbuf());
  std::vector<std::string> arguments = {"infer", model.string(), "--threads",
                                        "1",     "--device",     "cpu"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const Result result = run_program(arguments);
  std::cin.rdbuf(stdin_buffer);
  std::cin.clear();
  return result;
}

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

int64_t lines_in(const std::string& text) { return std::ranges::count(text, '\n'); }

}  // namespace

TEST_CASE("infer: a line of answers for each line of a file, empty ones, too, dense and sparse") {
  const TemporaryFolder folder;
  const auto model = folder / "model";
  folder.write("texts", std::string("a dog runs\n\r\n\na cat \xff sleeps\r\nunheard-of words"));
  const std::string texts = (folder / "texts").string();
  for (const char* const type : {"bert", "gpt2", "seq2seq", "nmt"}) {
    CAPTURE(type);
    std::string dense;
    for (const bool is_sparse : {false, true}) {
      write_text_model(model, text_card(type), is_sparse);
      const Result result = infer(model, {"--input", texts});
      CAPTURE(result.err);
      REQUIRE(result.status == 0);
      CHECK(lines_in(result.out) == 5);
      CHECK(result.out.find("\n\n\n") != std::string::npos);
      CHECK(result.err.find("5 lines in ") != std::string::npos);
      CHECK(result.err.find("run by ") != std::string::npos);
      const std::string packed = type == std::string("bert") ? "as packed" : "over their tiles";
      CHECK((result.err.find(packed) != std::string::npos) == is_sparse);
      // The same from standard input and from a pipe.
      const std::string first = result.out.substr(0, result.out.find('\n') + 1);
      CHECK(infer(model, {"--input", "-"}, "a dog runs\n").out == first);
      const std::string pipe = (folder / "pipe").string();
      REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
      std::thread writer([&] { std::ofstream(pipe) << "a dog runs\n"; });
      CHECK(infer(model, {"--input", pipe}).out == first);
      writer.join();
      std::filesystem::remove(pipe);
    }
  }
}

TEST_CASE("infer --json: an object a line") {
  const TemporaryFolder folder;
  const auto model = folder / "model";
  const auto objects_of = [&](const char* type, const std::vector<std::string>& options) {
    write_text_model(model, text_card(type), false);
    std::vector<std::string> all = {"--json", "--input", "-"};
    all.insert(all.end(), options.begin(), options.end());
    const Result result = infer(model, all, "a dog \xff\n\na a a a a a a a a a a a a a a\n");
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    CHECK(result.err.find("1 of 3 lines were cut") != std::string::npos);
    auto objects = json_lines(result.out);
    REQUIRE(objects.size() == 3);
    CHECK(objects[0]["input"] == "a dog \uFFFD");
    CHECK_FALSE(objects[0].contains("cut"));
    CHECK(objects[2]["cut"] == true);
    return objects;
  };
  const auto classes = objects_of("bert", {"--truncate", "--top", "1"});
  CHECK(classes[0]["classes"].size() == 1);
  CHECK(classes[0]["classes"][0]["probability"].get<double>() >= 0.5);
  CHECK(classes[1]["classes"].is_null());
  const auto continued = objects_of("gpt2", {"--truncate", "--max-tokens", "3", "--temperature",
                                             "0", "--top-k", "2", "--top-p", "0.9", "--seed", "1"});
  CHECK(continued[0]["continuation"].is_string());
  CHECK(continued[0]["tokens"].get<int64_t>() <= 3);
  CHECK((continued[0]["stopped"] == "length") == (continued[0]["tokens"] == 3));
  CHECK(continued[1]["continuation"].is_null());
  const auto translated =
      objects_of("seq2seq", {"--truncate", "--beam", "2", "--length-penalty", "1"});
  CHECK(translated[0]["translation"].is_string());
  CHECK(translated[0]["score"].get<double>() < 0);
  CHECK(translated[1]["translation"].is_null());
}

TEST_CASE("infer --compare-dense: texts, sparse and dense, agree") {
  const TemporaryFolder folder;
  const auto model = folder / "model";
  for (const char* const type : {"bert", "gpt2", "seq2seq"}) {
    CAPTURE(type);
    write_text_model(model, text_card(type), true);
    std::vector<std::string> options = {"--compare-dense"};
    if (type == std::string("gpt2")) options.insert(options.end(), {"--temperature", "0"});
    const Result result = infer(model, options, "a dog\n\na cat runs\n");
    CAPTURE(result.err);
    CHECK(result.status == 0);
    CHECK(std::ranges::count(result.out, '\n') == 3);
    check_message(result.err, " ms for 3 lines\ndense   ");
    check_message(result.err, "3 of 3 answers equal");
  }
}

TEST_CASE("infer: options and inputs that do not fit the model are refused before any answer") {
  const TemporaryFolder folder;
  const auto bert = folder / "bert", gpt2 = folder / "gpt2", seq2seq = folder / "seq2seq";
  const auto lenet = folder / "lenet";
  write_text_model(bert, text_card("bert"), false);
  write_text_model(gpt2, text_card("gpt2"), false);
  write_text_model(seq2seq, text_card("seq2seq"), false);
  write_lenet(lenet, {"fc1.weight"});
  struct Case {
    std::filesystem::path model;
    std::vector<std::string> options;
    const char* message;
  };
  const std::string many = "a\n\na a a a a a a a a a a a a a a\n";
  for (const Case& t : {
           Case{bert,
                {"--beam", "3"},
                "--beam must be given to a model that translates; got a bert, which classifies "
                "texts. Leave it out."},
           Case{gpt2, {"--length-penalty", "1"}, "--length-penalty must be given to"},
           Case{gpt2,
                {"--top", "1"},
                "a model that classifies images or classifies texts; got a gpt2"},
           Case{seq2seq, {"--max-tokens", "3"}, "a model that continues texts; got a seq2seq"},
           Case{seq2seq, {"--temperature", "0"}, "--temperature must be given to"},
           Case{seq2seq, {"--plan"}, "--plan must be given to"},
           Case{bert, {"--precision", "bf16"}, "--precision bf16 needs a CUDA device; got cpu"},
           Case{lenet, {"--precision", "bf16"}, "--precision bf16 needs a CUDA device; got cpu"},
           Case{gpt2,
                {"--precision", "bf16"},
                "classifies images or texts or answers questions; got a gpt2, which continues"},
           Case{gpt2, {"--null-threshold", "0"}, "a model that answers questions; got a gpt2"},
           Case{lenet, {"--beam", "3"}, "got a lenet, which classifies images"},
           Case{lenet, {}, "--input must name images"},
           Case{bert, {"--input", "a", "b"}, "--input must be one file of texts"},
           Case{bert, {}, "standard input:3 must have at most 12 tokens"},
           Case{gpt2, {}, "standard input:3 must have at most 12 tokens"},
           Case{seq2seq, {}, "standard input:3 must have at most 12 tokens"},
           Case{gpt2, {"--max-tokens", "0"}, "--max-tokens must be at least 1"},
           Case{gpt2, {"--temperature", "-1"}, "must not be negative"},
           Case{gpt2, {"--seed=-1"}, "--seed: must be a whole number in [0, 2^64); got -1"},
           Case{gpt2,
                {"--seed", "18446744073709551616"},
                "must be a whole number in [0, 2^64); got 18446744073709551616"},
           Case{seq2seq, {"--beam", "0"}, "--beam"},
           Case{seq2seq, {"--length-penalty", "inf"}, "--length-penalty finite and not negative"},
       }) {
    CAPTURE(t.message);
    const Result result = infer(t.model, t.options, many);
    check_refused(result);
    CHECK(result.status == 2);
    CHECK(result.out == "");
    check_message(result.err, t.message);
  }
  CHECK(infer(gpt2, {"--precision", "fp32", "--max-tokens", "1"}, "a\n").status == 0);
  const Result missing = infer(bert, {"--input", (folder / "none").string()});
  CHECK(missing.status == 1);
  check_message(missing.err, "none must be a readable file");
}

TEST_CASE(
    "infer: images that cannot be read are named, the others classified, and the status is 1") {
  const TemporaryFolder folder;
  const auto model = folder / "model";
  write_lenet(model, {"fc1.weight"});
  Image image{.height = 30, .width = 30, .channels = 1, .pixels = std::vector<uint8_t>(900, 7)};
  std::filesystem::create_directories(folder / "images");
  for (const char* name : {"images/a.png", "images/c.png", "images/e.png"})
    write_png(folder / name, image);
  folder.write("images/b.png", std::string("no picture"));
  folder.write("images/d.png", std::string());
  const std::string images = (folder / "images").string();
  for (const char* const batch : {"1", "2", "64"}) {
    CAPTURE(batch);
    const Result result = infer(model, {"--input", images, "--batch-size", batch});
    CHECK(result.status == 1);
    for (const char* good : {"a.png:  class", "c.png:  class", "e.png:  class", "3 images, "})
      check_message(result.out, good);
    check_message(result.err, "b.png");
    check_message(result.err, "d.png");
    check_message(result.err, "every image must be readable; got 2 of 5 that are not");
  }
  const Result json = infer(model, {"--input", images, "--json", "--top", "3"});
  CHECK(json.status == 1);
  int errors = 0, classified = 0;
  for (const auto& object : json_lines(json.out)) {
    errors += object.contains("error");
    if (object.contains("classes")) classified += object["classes"].size() == 3;
  }
  CHECK(errors == 2);
  CHECK(classified == 3);
  const Result alone = infer(model, {"--input", (folder / "images/b.png").string()});
  CHECK(alone.status == 1);
  check_message(alone.err, "must hold an image that can be read; got 1 that cannot");
}

TEST_CASE("inspect: long names widen their column; texts are tokens") {
  const TemporaryFolder folder;
  const auto model = folder / "model";
  write_text_model(model, text_card("bert"), true);
  const Result result = run_program({"inspect", model.string()});
  REQUIRE(result.status == 0);
  const std::string name = "bert.encoder.layer.0.attention.self.query.weight";
  REQUIRE(name.size() > 36);
  const auto column_of = [&](const std::string& row, char first) {
    const size_t at = result.out.find(row + " ");
    REQUIRE(at != std::string::npos);
    return result.out.find(first, at + row.size()) - at;
  };
  CHECK(column_of(name, '[') == column_of("weight", 's'));
  CHECK(result.out.find("bert for tsv, 12 of 10 tokens to 2 classes, ") != std::string::npos);
}

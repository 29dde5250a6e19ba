// The program from its arguments to its output and its exit status.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/io/image.h"
#include "framework/io/schema_text.h"
#include "tests/framework/cli/cli_testing.h"
#include "tests/temporary_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

using testing::Result;

Result tessera(const std::vector<std::string>& arguments) {
  return testing::run_program(arguments);
}

/// A temporary folder whose paths are text, as arguments are.
struct Folder {
  testing::TemporaryFolder temporary;
  fs::path path = temporary.path();
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    return temporary.write(name, text).string();
  }
};

std::string write_model(const Folder& folder) {
  const std::string path = folder.file("model.safetensors");
  testing::write_lenet(path, {"fc1.weight"});
  return path;
}

TEST_CASE("usage errors leave with status 2 and one line") {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{}, "tessera: [usage] A subcommand is required"},
      {{"confg"}, "tessera: [usage] unknown command 'confg' - did you mean 'config'?"},
      {{"config"}, "tessera: [usage] A subcommand is required"},
      {{"config", "check"}, "tessera: [usage] CONFIG is required"},
      {{"--nonsense"}, "tessera: [usage] "},
      {{"export", "a"}, "tessera: [usage] --output is required"},
      {{"export", "a", "-o", "b", "--format", "zip"}, "tessera: [usage] --format: zip not in"},
      {{"data", "tokenizer", "--type", "zip", "--input", "a", "-o", "b"},
       "tessera: [usage] --type: zip not in"},
      {{"data", "fetch", "nothing"}, "tessera: [data] a data set to fetch must be one of"},
  };
  for (const auto& [arguments, message] : cases) {
    CAPTURE(message);
    const Result result = tessera(arguments);
    CHECK(result.status == 2);
    CHECK(result.out == "");
    CHECK(result.err.substr(0, message.size()) == message);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
}

TEST_CASE("help and version leave with status 0") {
  CHECK(tessera({"--version"}).out.starts_with("tessera "));
  const Result help = tessera({"--help"});
  CHECK(help.status == 0);
  for (const char* command : {"run", "train", "prune", "eval", "infer", "config", "data", "doctor",
                              "export", "inspect", "bench"})
    CHECK(help.out.find(std::string("\n  ") + command) != std::string::npos);
  // A command that takes a config explains all of its keys.
  CHECK(tessera({"config", "check", "--help"}).out.find(config_help()) != std::string::npos);
}

TEST_CASE("data tokenizer writes a vocabulary") {
  const Folder folder;
  const std::string text = folder.write("text", "to be or not to be\n");
  const std::string out = folder.file("out");
  const Result result = tessera(
      {"data", "tokenizer", "--type", "words", "--input", text, "--min-count", "1", "-o", out});
  CHECK(result.status == 0);
  CHECK(result.out == out + "/vocab.txt\nwords: 8 tokens\n");
  CHECK(
      tessera({"data", "tokenizer", "--type", "words", "--input", text + "x", "-o", out}).status ==
      1);
}

TEST_CASE("data verify: what is here must be whole, what was never fetched need not be here") {
  const Folder folder;
  const std::string root = folder.path.string();
  const Result none = tessera({"data", "verify", "--root", root});
  CHECK(none.status == 1);
  CHECK(none.out.find("not here") != none.out.npos);
  CHECK(none.err.find("[data] a data set must be in " + root) != none.err.npos);
  CHECK(tessera({"data", "verify", "mnist", "--root", root}).status == 1);

  // One of four files, and that another one: both are said.
  fs::create_directories(folder.path / "mnist");
  folder.write("mnist/train-images-idx3-ubyte.gz", "not these");
  const Result part = tessera({"data", "verify", "--root", root});
  CHECK(part.status == 1);
  CHECK(part.out.find("corrupted") != part.out.npos);
  CHECK(part.out.find("missing") != part.out.npos);
  CHECK(part.err.find("got 4 that do not") != part.err.npos);
}

TEST_CASE("config check says good, or all mistakes and status 2") {
  const Folder folder;
  const std::string good =
      folder.write("good.yaml", "data: {type: glyphs}\nmodel: {type: lenet}\n");
  CHECK(tessera({"config", "check", good}).out == good + ": good\n");
  const std::string bad =
      folder.write("bad.yaml", "data: {type: glyps}\nmodel: {type: lenet}\nprune: {sparsty: 1}\n");
  const Result result = tessera({"config", "check", bad});
  CHECK(result.status == 2);
  CHECK(result.err.starts_with(bad + ":1:14: 'data.type' must be one of glyphs"));
  CHECK(result.err.ends_with("(2 errors, nothing run)\n"));
  CHECK(tessera({"config", "check", good, "train.epochs=0"}).status == 2);
  CHECK(tessera({"config", "check", folder.file("none.yaml")}).status == 2);
}

TEST_CASE("config dump resolves overrides and parses back") {
  const Folder folder;
  const std::string config =
      folder.write("c.yaml", "data: {type: glyphs}\nmodel: {type: lenet}\ntrain: {ema: 0.9}\n");
  const Result dump = tessera({"config", "dump", config, "train.epochs=3", "~train.ema"});
  CHECK(dump.status == 0);
  CHECK(dump.out.find("  epochs: 3\n") != std::string::npos);
  CHECK(dump.out.find("  ema: none\n") != std::string::npos);
  const std::string again = folder.write("again.yaml", dump.out);
  CHECK(tessera({"config", "dump", again}).out == dump.out);
}

TEST_CASE("config schema is JSON, config reference is the page") {
  CHECK(nlohmann::json::accept(tessera({"config", "schema"}).out));
  CHECK(tessera({"config", "reference"}).out == config_reference());
}

TEST_CASE("doctor names the build, the kernels and the features") {
  const Result result = tessera({"doctor"});
  CHECK(result.status == 0);
  for (const char* word : {"tessera ", "kernels", "threads", "memory", "ONEDNN", "glyphs"})
    CHECK(result.out.find(word) != std::string::npos);
}

TEST_CASE("export and inspect agree on what a file holds") {
  const Folder folder;
  const std::string model = write_model(folder);
  const Result inspected = tessera({"inspect", model, "--heatmap", folder.file("masks.png")});
  CHECK(inspected.status == 0);
  CHECK(inspected.out.find("lenet for mnist, 1x28x28 to 10 classes") != std::string::npos);
  CHECK(inspected.out.find("75.00%") != std::string::npos);
  CHECK(fs::file_size(folder.file("masks.png")) > 0);

  // Through the masked format and back: the same file.
  const std::string masked = folder.file("masked.safetensors");
  const std::string back = folder.file("back.safetensors");
  CHECK(tessera({"export", model, "-o", masked, "--format", "masked"}).status == 0);
  CHECK(tessera({"export", model, "-o", back, "--format", "tw"}).status == 0);
  CHECK(fs::file_size(back) == fs::file_size(model));
  CHECK(fs::file_size(masked) > fs::file_size(model));

  const std::string dense = folder.file("dense.safetensors");
  CHECK(tessera({"export", model, "-o", dense, "--format", "dense"}).status == 0);
  CHECK(tessera({"inspect", dense}).out.find("dense: no weight is packed") != std::string::npos);
  CHECK(tessera({"inspect", dense, "--heatmap", folder.file("x.png")}).status == 2);
}

TEST_CASE("infer needs nothing but the file and images") {
  const Folder folder;
  const std::string model = write_model(folder);
  Image image{.height = 40, .width = 30, .channels = 3, .pixels = {}};
  image.pixels.resize(40 * 30 * 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 7);
  fs::create_directories(folder.path / "images");
  for (const char* name : {"images/a.png", "images/b.png", "images/c.png"})
    write_png(folder.file(name), image);

  const Result result = tessera({"infer", model, "--input", folder.file("images"), "--top", "2",
                                 "--batch-size", "2", "--compare-dense"});
  CAPTURE(result.err);
  REQUIRE(result.status == 0);
  for (const char* name : {"a.png:", "b.png:", "c.png:"})
    CHECK(result.out.find(name) != std::string::npos);
  CHECK(result.out.find("3 images, ") != std::string::npos);
  CHECK(result.out.find("largest difference") != std::string::npos);
  // Equal images have equal predictions, in whichever batch they come.
  const auto guesses = [&](const std::string& name) {
    const size_t at = result.out.find(name) + name.size();
    return result.out.substr(at, result.out.find('\n', at) - at);
  };
  CHECK(guesses("a.png:") == guesses("c.png:"));

  CHECK(tessera({"infer", model, "--input", folder.file("none")}).status == 2);
  folder.write("images/d.png", "no picture");
  const Result broken = tessera({"infer", model, "--input", folder.file("images")});
  CHECK(broken.status == 1);
  CHECK(broken.err.find("d.png") != std::string::npos);
}

TEST_CASE("run, resume, eval: status and rules of the run's folder") {
  const Folder folder;
  const std::string config = folder.write(
      "tiny.yaml",
      "run: {name: tiny, threads: 1, dir: \"" + folder.file("out") +
          "\"}\n"
          "data: {type: glyphs, batch_size: 36, train_samples: 144, test_samples: 72}\n"
          "model: {type: mlp, hidden: [32, 32]}\n"
          "train: {epochs: 1}\n"
          "prune: {granularity: 8, score: {type: magnitude}, schedule: {type: one_shot},\n"
          "        prune_first_and_last: true, dense_control: false, fine_tune: {epochs: 1}}\n");
  // Mistakes first: nothing may be left behind.
  CHECK(tessera({"run", config, "train.epochs=0"}).status == 2);
  CHECK(tessera({"run", config, "~prune"}).status == 2);
  CHECK(tessera({"run", config, "--resume", "yes"}).status == 2);
  CHECK(tessera({"run", config, "--resume", "auto", "--overwrite"}).status == 2);
  CHECK(tessera({"prune", config}).status == 2);
  CHECK(tessera({"eval", config}).status == 1);
  CHECK_FALSE(fs::exists(folder.file("out")));

  const Result first = tessera({"run", config, "--resume", "auto"});
  CAPTURE(first.err);
  REQUIRE(first.status == 0);
  CHECK(fs::exists(folder.file("out/summary.json")));
  const Result refused = tessera({"run", config});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("--resume auto") != std::string::npos);
  CHECK(tessera({"run", config, "--resume", "auto"}).status == 0);
  const Result other = tessera({"train", config, "--resume", "auto"});
  CHECK(other.status == 2);
  CHECK(other.err.find("was '# tessera run', is '# tessera train'") != std::string::npos);
  // The file's accuracy is the summary's.
  const Result evaluated = tessera({"eval", config});
  CHECK(evaluated.status == 0);
  CHECK(evaluated.out.find("72 test samples") != std::string::npos);

  // The best weights so far are a model of their own, and a pruned model trains on as one.
  const auto sparsity_of = [&](const std::string& file) {
    const Result inspected = tessera({"inspect", folder.file(file)});
    CAPTURE(inspected.err);
    REQUIRE(inspected.status == 0);
    const size_t at = inspected.out.find("all prunable weights");
    return inspected.out.substr(at, inspected.out.find('%', at) - at);
  };
  CHECK(sparsity_of("out/checkpoints/best.safetensors") == sparsity_of("out/model.safetensors"));
  REQUIRE(tessera({"train", config, "--from", folder.file("out/model.safetensors"),
                   "run.dir=" + folder.file("more")})
              .status == 0);
  CHECK(sparsity_of("more/model.safetensors") == sparsity_of("out/model.safetensors"));
}

TEST_CASE("bench checks the product that it times") {
  const std::vector<std::string> common = {"--json", "--seconds", "0", "--granularity", "16"};
  const auto bench = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), common.begin(), common.end());
    const Result result = tessera(arguments);
    CAPTURE(result.err);
    REQUIRE(result.status == 0);
    return nlohmann::json::parse(result.out);
  };
  for (const auto& json :
       {bench({"bench", "gemm", "--m", "40", "--k", "96", "--n", "80"}),
        bench({"bench", "gemm", "--m", "3", "--k", "33", "--n", "17", "--sparsity", "0"}),
        bench({"bench", "conv", "--batch", "5", "--in", "32", "--out", "48", "--size", "7"}),
        bench({"bench", "conv", "--batch", "5", "--in", "32", "--out", "48", "--size", "7",
               "--stride", "2", "--groups", "2"})}) {
    CAPTURE(json.dump());
    for (const char* key : {"dense_ms", "best_library_ms", "sparse_ms", "ratio", "ideal", "gflops"})
      CHECK(json.at(key).get<double>() > 0);
    CHECK(json.at("best_library").get<std::string>() != "");
    // f32 sums of at most 300 products.
    CHECK(json.at("max_rel_err").get<double>() < 1e-5);
    // The ratio is against the best dense time, the program's own included.
    const double dense =
        std::min(json.at("dense_ms").get<double>(), json.at("best_library_ms").get<double>());
    CHECK(json.at("ratio").get<double>() ==
          doctest::Approx(dense / json.at("sparse_ms").get<double>()));
  }
  // A line for each sparsity; single weights alone.
  const Result both = tessera({"bench", "gemm", "--m", "40", "--k", "96", "--n", "80", "--pattern",
                               "ew", "--sparsity", "0.5,0.9", "--json", "--seconds", "0"});
  REQUIRE(both.status == 0);
  std::istringstream lines(both.out);
  std::string line;
  for (const double sparsity : {0.5, 0.9}) {
    REQUIRE(std::getline(lines, line));
    const auto json = nlohmann::json::parse(line);
    CHECK(json.at("pattern") == "ew");
    CHECK(json.at("form") == "singles");
    CHECK(json.at("sparsity").get<double>() == doctest::Approx(sparsity));
    CHECK(json.at("max_rel_err").get<double>() < 1e-5);
  }
  CHECK(tessera({"bench", "gemm", "--pattern", "tww"}).status == 2);
  CHECK(tessera({"bench", "conv", "--in", "32", "--groups", "3"}).status == 2);
  CHECK(tessera({"bench", "gemm", "--sparsity", "1"}).status == 2);
}

TEST_CASE("files that are missing, broken or not writable leave with a message") {
  const Folder folder;
  const std::string model = write_model(folder);
  for (const Result& result :
       {tessera({"inspect", folder.file("none.safetensors")}),
        tessera({"inspect", folder.write("cut.safetensors", "\x10")}),
        tessera({"export", model, "-o", folder.file("no/such/folder.safetensors")})}) {
    testing::check_refused(result);
    CHECK(result.status == 1);
  }
  CHECK_FALSE(fs::exists(folder.file("no")));
}

}  // namespace
}  // namespace tessera

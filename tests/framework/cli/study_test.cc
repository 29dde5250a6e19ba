// report, sensitivity and sweep from their arguments to their files; the sweep runs the program
// itself for each cell.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "framework/train/child_process.h"
#include "tests/framework/io/io_testing.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = R"(
run:   {name: study, seed: 1, threads: 1}
data:  {type: glyphs, validation: 0.1, train_samples: 320, test_samples: 64, batch_size: 32}
model: {type: mlp, hidden: [32]}
train: {epochs: 1}
checkpoint: {every: 1st, keep: 2}
prune: {pattern: tw, granularity: 16, sparsity: 0.5, score: {type: magnitude},
        schedule: {type: one_shot}, fine_tune: {epochs: 1, lr: 0.01}, prune_first_and_last: true}
)";

struct Study {
  testing::TemporaryFolder temporary;
  fs::path path = temporary.path();
  Study() { temporary.write("study.yaml", kConfig); }

  fs::path folder() const { return path / "out"; }
  std::string log() const { return text("log"); }
  std::string text(const fs::path& file) const { return testing::read_bytes(path / file); }

  int run(std::vector<std::string> arguments) const {
    fs::remove(path / "log");
    arguments.insert(arguments.begin(), TESSERA_PROGRAM);
    ChildProcess process(arguments, path / "log");
    return process.wait();
  }
  int sweep(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"sweep", (path / "study.yaml").string(),
                                       "run.dir=" + folder().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    for (const char* argument : {"--patterns", "tw,ew", "--sparsity", "0.5", "--jobs", "2"})
      arguments.push_back(argument);
    return run(arguments);
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a sweep trains once, prunes every cell, reports, and repeats nothing") {
  const Study study;
  REQUIRE_MESSAGE(study.sweep() == 0, study.log());
  const auto results = nlohmann::json::parse(study.text("out/results.json"));
  REQUIRE(results["cells"].size() == 2);
  for (const auto& cell : results["cells"]) {
    CHECK(cell["state"] == "done");
    CHECK(cell["sparsity"].get<double>() == doctest::Approx(0.5).epsilon(0.05));
    CHECK(cell["speedup"].get<double>() > 0);
  }
  CHECK(results["controls"].size() == 1);
  CHECK(contains(study.text("out/report.html"), "Accuracy against measured speed-up"));
  CHECK(contains(study.text("out/tw-s0.5/seed-1/report.html"), "Sparsity per layer"));
  const std::string csv = study.text("out/results.csv");

  // The same command finds everything done, and gives the same results.
  const auto written = fs::last_write_time(study.folder() / "tw-s0.5/seed-1/summary.json");
  REQUIRE(study.sweep() == 0);
  CHECK_FALSE(contains(study.log(), "done"));
  CHECK(fs::last_write_time(study.folder() / "tw-s0.5/seed-1/summary.json") == written);
  CHECK(study.text("out/results.csv") == csv);

  // A cell that is lost is run again, and it alone.
  fs::remove_all(study.folder() / "ew-s0.5");
  REQUIRE(study.sweep() == 0);
  CHECK(contains(study.log(), "ew-s0.5 seed 1: done"));
  CHECK_FALSE(contains(study.log(), "tw-s0.5 seed 1: done"));

  // Scan the layers of the dense model that the sweep has trained.
  const std::string output = (study.path / "sensitivity.json").string();
  REQUIRE(study.run({"sensitivity", (study.path / "study.yaml").string(), "--from",
                     (study.folder() / "dense/seed-1/model.safetensors").string(), "--sparsity",
                     "0.5,0.9", "-o", output}) == 0);
  CHECK(contains(study.log(), "Rule: exclude a layer that alone at 50%"));
  CHECK(nlohmann::json::parse(study.text("sensitivity.json"))["layers"].size() == 2);

  // Two runs on one page.
  REQUIRE(study.run({"report", (study.folder() / "tw-s0.5/seed-1").string(),
                     (study.folder() / "ew-s0.5/seed-1").string(), "-o",
                     (study.path / "two.html").string()}) == 0);
  CHECK(contains(study.text("two.html"), "<h2>Comparison</h2>"));
}

TEST_CASE("a failing cell is named and does not stop the others") {
  const Study study;
  // A folder in the way of one cell's log.
  fs::create_directories(study.folder() / "ew-s0.5/seed-1/checkpoints");
  std::ofstream(study.folder() / "ew-s0.5/seed-1/config.yaml") << "another: run\n";
  CHECK(study.sweep() == 1);
  CHECK(contains(study.log(), "ew-s0.5 seed 1: failed with status"));
  CHECK(contains(study.log(), "[sweep] every run must end well; got failures of ew-s0.5 seed 1."));
  const auto results = nlohmann::json::parse(study.text("out/results.json"));
  REQUIRE(results["cells"].size() == 2);
  CHECK(results["cells"][0]["state"] == "failed");
  CHECK(results["cells"][1]["state"] == "done");
}

TEST_CASE("a sweep that is interrupted goes on to the same results") {
  const Study study;
  const std::vector<std::string> arguments{TESSERA_PROGRAM,
                                           "sweep",
                                           (study.path / "study.yaml").string(),
                                           "run.dir=" + study.folder().string(),
                                           "train.epochs=20",
                                           "--patterns",
                                           "tw,ew",
                                           "--sparsity",
                                           "0.5"};
  {
    ChildProcess process(arguments, study.path / "log");
    while (!fs::exists(study.folder() / "dense/seed-1/metrics.jsonl") && !process.has_ended())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    process.terminate();
    CHECK(process.wait() == 1);
    CHECK(contains(study.log(), "[sweep] stopped by SIGTERM"));
    CHECK_FALSE(fs::exists(study.folder() / "results.json"));
  }
  REQUIRE(study.sweep({"train.epochs=20"}) == 0);
  CHECK(contains(study.text("out/dense/seed-1/log.txt"), "resumed at step"));
  CHECK(nlohmann::json::parse(study.text("out/results.json"))["cells"].size() == 2);
}

TEST_CASE("a sweep of a model of language is judged by its loss, and timed") {
  const Study study;
  std::string text;
  for (int i = 0; i < 150; ++i) text += i % 2 == 0 ? "to be or not\n" : "to sleep no more\n";
  study.temporary.write("input.txt", text);
  study.temporary.write("study.yaml",
                        "run: {name: gpt, threads: 1}\n"
                        "data: {type: text, root: " +
                            study.path.string() +
                            ", batch_size: 8, sequence: 16, tokenizer: {type: characters}}\n"
                            "model: {type: gpt2, hidden_size: 16, num_layers: 1, num_heads: 1}\n"
                            "optimizer: {type: adamw, lr: 5.0e-3}\ntrain: {epochs: 1}\n"
                            "prune: {pattern: tw, granularity: 16, score: {type: magnitude},\n"
                            "  schedule: {type: one_shot}, fine_tune: {epochs: 1, lr: 1.0e-3}}\n");
  REQUIRE_MESSAGE(study.sweep() == 0, study.log());
  const auto results = nlohmann::json::parse(study.text("out/results.json"));
  const auto summary = nlohmann::json::parse(study.text("out/tw-s0.5/seed-42/summary.json"));
  REQUIRE(results["cells"].size() == 2);
  CHECK(results["cells"][1]["metric"] == "loss");
  CHECK(results["cells"][1]["sparse_score"] == summary["sparse_loss"]);
  CHECK(results["cells"][1]["speedup"].get<double>() > 0);
  CHECK(results["controls"][0]["score"].get<double>() > 0);
  const std::string page = study.text("out/report.html");
  CHECK(contains(page, "Loss against measured speed-up"));
  CHECK(contains(page, "test loss (nats)"));
}

TEST_CASE("usage errors of the study's commands leave with status 2") {
  const Study study;
  CHECK(study.run({"sweep", (study.path / "study.yaml").string(), "--patterns", "ewe", "--sparsity",
                   "0.5"}) == 2);
  CHECK(contains(study.log(), "did you mean 'ew'?"));
  CHECK(study.run({"report", study.path.string()}) == 2);
  CHECK(contains(study.log(), "must be the folder of a run"));
  CHECK(study.run({"sensitivity", (study.path / "study.yaml").string()}) == 2);
  CHECK(contains(study.log(), "--from"));
}

}  // namespace
}  // namespace tessera

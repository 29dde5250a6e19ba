// prune.target_speedup through the command line.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/backend/cpu.h"
#include "framework/infer/speed_model.h"
#include "tests/framework/cli/cli_testing.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

namespace fs = std::filesystem;

/// A config of a small network, and a cost model for one thread, of products only.
struct Workspace {
  TemporaryFolder folder;
  std::string config = (folder / "speed.yaml").string();
  std::string costs = (folder / "costs.json").string();

  Workspace() {
    std::ofstream(config)
        << "run: {name: speed, device: cpu, threads: 1}\n"
           "data: {type: glyphs, batch_size: 36, train_samples: 144, test_samples: 72}\n"
           "model: {type: mlp, hidden: [1024, 1024]}\n"
           "train: {epochs: 1}\n"
           "checkpoint: {every: 1ep, keep: 100}\n"
           "prune: {granularity: 16, prune_first_and_last: true, target_speedup: 1.3, score: "
           "{type: taylor, batches: 2},\n"
           "  schedule: {type: linear, stages: 2, epochs: 1}, fine_tune: {epochs: 1}}\n";
    CostModel model{.isa = concat(cpu().isa()), .threads = 1};
    model.linear = model.convolution = {0, 1e-8, 0, 0, 0};
    std::ofstream(costs) << to_json(model);
    ::setenv("TESSERA_CALIBRATION", costs.c_str(), 1);
  }
  ~Workspace() {
    ::unsetenv("TESSERA_CALIBRATION");
    cpu().set_threads(threads_);
  }

  fs::path out(const std::string& name) const { return folder / name; }
  Result run(const std::string& command, const std::string& name,
             std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{command, config, "run.dir=" + out(name).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }

 private:
  int threads_ = cpu().threads();
};

nlohmann::json json_of(const fs::path& path) {
  return nlohmann::json::parse(read_bytes(path.string()));
}

/// As if the run had been killed after its first pruning stage.
void unfinish(const fs::path& run) {
  std::vector<fs::path> checkpoints;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    if (entry.path().filename().string().starts_with("step-")) checkpoints.push_back(entry.path());
  std::sort(checkpoints.begin(), checkpoints.end());
  REQUIRE(checkpoints.size() > 3);
  for (size_t i = 2; i < checkpoints.size(); ++i) fs::remove(checkpoints[i]);
  fs::remove(run / "summary.json");
  fs::remove(run / "model.safetensors");
}

}  // namespace

TEST_CASE("run with a target speed-up: predicted, measured, and resumed to the same bytes") {
  const Workspace work;
  const Result result = work.run("run", "a");
  CAPTURE(result.err);
  CAPTURE(result.out);
  REQUIRE(result.status == 0);
  CHECK(contains(result.out, "cost model " + work.costs));
  CHECK(contains(result.out, "times as fast as the dense model"));
  const auto summary = json_of(work.out("a") / "summary.json");
  CHECK(summary["target_speedup"] == 1.3);
  CHECK(summary["predicted_speedup"].get<double>() >= 1.3);
  CHECK(summary["predicted_speedup"].get<double>() < 2);
  CHECK(summary["speedup"].get<double>() > 0);
  CHECK(summary["sparsity"].get<double>() > 0.05);
  CHECK(contains(read_bytes((work.out("a") / "report.html").string()), "speed-up, predicted"));
  CHECK(contains(result.out, "asked for"));

  const std::string model = read_bytes((work.out("a") / "model.safetensors").string());
  unfinish(work.out("a"));
  fs::copy(work.out("a"), work.out("b"), fs::copy_options::recursive);
  const Result resumed = work.run("run", "a", {"--resume", "auto"});
  CAPTURE(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK(contains(resumed.out, "cost model of the run's beginning"));
  CHECK(read_bytes((work.out("a") / "model.safetensors").string()) == model);

  fs::remove(work.out("a") / "summary.json");
  unfinish(work.out("a"));
  std::ofstream(work.out("a") / "speed.json") << "{}";
  const Result damaged = work.run("run", "a", {"--resume", "auto"});
  check_refused(damaged);
  CHECK(contains(damaged.err, "[speed] speed.json must be what a run"));
}

TEST_CASE("prune with a target starts from a file, train takes no notice of it") {
  const Workspace work;
  REQUIRE(work.run("train", "dense").status == 0);
  const std::string from = (work.out("dense") / "model.safetensors").string();
  const Result pruned = work.run("prune", "pruned", {"--from", from, "prune.dense_control=false"});
  CAPTURE(pruned.err);
  REQUIRE(pruned.status == 0);
  CHECK(json_of(work.out("pruned") / "summary.json")["predicted_speedup"].get<double>() >= 1.3);

  const Result met = work.run(
      "prune", "more",
      {"--from", (work.out("pruned") / "model.safetensors").string(), "prune.target_speedup=1.01"});
  CHECK(met.status == 2);
  CHECK(contains(met.err, "above what the weights to start from are predicted"));
}

TEST_CASE("targets that cannot be are refused before anything is written") {
  const Workspace work;
  const std::string file = (work.folder / "none.safetensors").string();
  struct Case {
    std::string command;
    std::vector<std::string> more;
    const char* message;
  };
  const Case cases[] = {
      {"run", {"prune.target_speedup=1000000"}, "got 1e+06. The highest is "},
      {"run", {"prune.target_speedup=1"}, "must be a number above 1, or none"},
      {"run", {"prune.sparsity=0.5"}, "must not be given together with prune.sparsity"},
      {"run", {"~prune.target_speedup", "prune.sparsity=none"}, "must be given where"},
      {"run", {"prune.schedule={type: list, sparsities: [0.5]}"}, "got list"},
      {"run", {"prune.variant=reference"}, "needs prune.variant exact"},
      {"sweep", {"--patterns", "tw", "--sparsity", "0.5"}, "the sparsities of --sparsity"},
      {"sensitivity", {"--from", file}, "judged at prune.sparsity"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.message);
    const Result result = work.run(c.command, "none", c.more);
    CAPTURE(result.err);
    CHECK(result.status == 2);
    CHECK(contains(result.err, c.message));
    CHECK_FALSE(fs::exists(work.out("none")));
  }
}

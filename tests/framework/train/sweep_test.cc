#include "framework/train/sweep.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "framework/io/load_config.h"
#include "framework/train/child_process.h"
#include "framework/train/sweep_results.h"
#include "tests/framework/io/io_testing.h"

using namespace tessera;
using tessera::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

constexpr const char* kConfig = R"(
run:   {name: study}
data:  {type: glyphs, validation: 0.1, train_samples: 320, test_samples: 64, batch_size: 32}
model: {type: mlp, hidden: [32]}
train: {epochs: 1}
prune: {schedule: {type: cubic, stages: 3, epochs: 1.5}, fine_tune: {epochs: 2, lr: 0.03}}
)";

fs::path write_config(const TemporaryFolder& scratch, const std::string& text = kConfig) {
  return scratch.write("config.yaml.in", text);
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

SweepResult done(const std::string& pattern, double sparsity, uint64_t seed, double accuracy) {
  SweepResult result{.cell = {pattern, sparsity, 0, seed}};
  result.summary.sparsity = sparsity;
  result.summary.sparse_accuracy = accuracy;
  result.summary.speedup = 2;
  return result;
}

}  // namespace

TEST_CASE("a sweep plans each distinct cell once a seed") {
  const TemporaryFolder scratch;
  const SweepPlan plan = plan_sweep({.config_path = write_config(scratch),
                                     .patterns = {"ew", "tw"},
                                     .sparsities = {0.5, 0.75},
                                     .granularities = {16, 32, 64},
                                     .seeds = {1, 2}});
  std::vector<std::string> names;
  for (const SweepCell& cell : plan.cells)
    if (cell.seed == 2) names.push_back(cell.name());
  CHECK(names == std::vector<std::string>{"ew-s0.5", "ew-s0.75", "tw-g16-s0.5", "tw-g32-s0.5",
                                          "tw-g64-s0.5", "tw-g16-s0.75", "tw-g32-s0.75",
                                          "tw-g64-s0.75"});
  CHECK(plan.cells.size() == 16);
  CHECK(plan.folder == fs::path("runs/study-sweep"));
  CHECK(plan.control_epochs == 5);  // two stages of 1.5 epochs, then 2
  const auto arguments = cell_arguments(plan, plan.cells.back());
  CHECK(arguments[0] == "prune");
  CHECK(has(arguments, "prune.granularity=64"));
  CHECK(has(arguments, "prune.sparsity=0.75"));
  CHECK(has(arguments, "run.seed=2"));
  CHECK(has(arguments, "runs/study-sweep/dense/seed-2/model.safetensors"));
  CHECK(has(control_arguments(plan, 1), "train.epochs=5"));
  CHECK(has(control_arguments(plan, 1), "optimizer.lr=0.03"));
}

TEST_CASE("the control of a sweep is trained as the cells are fine-tuned, for as long") {
  const TemporaryFolder scratch;
  const SweepPlan plan =
      plan_sweep({.config_path = write_config(scratch),
                  .overrides = {"prune.fine_tune={epochs: 18st, optimizer: {type: adamw}, "
                                "scheduler: {type: linear, final_lr: 0.0012}}"},
                  .patterns = {"tw"},
                  .sparsities = {0.5}});
  CHECK(plan.control_epochs == 5);  // 2 * 1.5 epochs, then two of 9 steps
  const auto arguments = control_arguments(plan, 1);
  CHECK(has(arguments, "optimizer.type=adamw"));
  CHECK(has(arguments, "scheduler.type=linear"));
  CHECK(has(arguments, "scheduler.final_lr=0.0012"));
  std::vector<std::string> overrides;  // they make a config
  for (const std::string& argument : arguments)
    if (argument.find('=') != argument.npos) overrides.push_back(argument);
  CHECK_NOTHROW(load_config(plan.base[0], overrides));

  const SweepPlan rewound =
      plan_sweep({.config_path = write_config(scratch),
                  .overrides = {"~prune.schedule.epochs", "~prune.fine_tune", "train.epochs=4",
                                "prune.rewind=true", "prune.rewind_to=1"},
                  .patterns = {"tw"},
                  .sparsities = {0.5}});
  CHECK(rewound.control_epochs == 9);
}

TEST_CASE("what a sweep cannot do is said before anything runs") {
  const TemporaryFolder scratch;
  const fs::path config = write_config(scratch);
  const auto message = [&](const SweepRequest& request) -> std::string {
    try {
      plan_sweep(request);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message({.config_path = config, .patterns = {"tv"}, .sparsities = {0.5}})
            .find("[sweep] --patterns must be of tw") == 0);
  CHECK(message({.config_path = config, .overrides = {"~prune"}, .patterns = {"tw"}})
            .find("must have a section 'prune'") != std::string::npos);
  CHECK(message({.config_path = config,
                 .overrides = {"prune.schedule={type: list, sparsities: [0.75]}"},
                 .patterns = {"tw"}})
            .find("got list") != std::string::npos);
  std::ofstream(scratch.path() / "config.yaml") << "";
  CHECK(message({.config_path = config,
                 .overrides = {"run.dir=" + scratch.path().string()},
                 .patterns = {"tw"}})
            .find("must not hold a run") != std::string::npos);
}

TEST_CASE("seeds are taken together as mean and sample deviation") {
  SweepResults results{.folder = "study", .cells = {}, .controls = {}};
  results.cells = {done("ew", 0.5, 1, 0.75), done("ew", 0.5, 2, 0.8), done("ew", 0.5, 3, 0.85),
                   done("tw", 0.5, 1, 0.6)};
  results.cells.push_back({.cell = {"tw", 0.75, 0, 1},
                           .state = SweepResult::State::failed,
                           .note = "out of \"memory\", <b>"});
  const auto groups = group_seeds(results);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].seeds == 3);
  CHECK(groups[0].score == doctest::Approx(0.8));
  CHECK(groups[0].score_spread == doctest::Approx(0.05));
  CHECK(groups[1].score_spread == 0);
}

TEST_CASE("each task is judged by its own metric") {
  Summary s{.command = "run", .model = "m", .dense_accuracy = 0.5, .sparse_accuracy = 0.4};
  CHECK(metric_of(s) == Metric::accuracy);
  CHECK(sparse_score(s) == 0.4);
  CHECK(shown(Metric::accuracy, 0.4) == "40.00%");
  s.dense_text = {.loss = 1.5, .perplexity = 4.5};
  s.sparse_text = {.loss = 1.75, .perplexity = 5.75};
  CHECK(metric_of(s) == Metric::loss);
  CHECK(dense_score(s) == 1.5);
  CHECK(is_better(Metric::loss, 1.5, 1.75));
  CHECK(shown(Metric::loss, sparse_score(s)) == "1.7500");
  s.dense_text = {.loss = 1.5, .exact_match = 0.5, .f1 = 0.75};
  CHECK(metric_of(s) == Metric::f1);
  CHECK(dense_score(s) == 0.75);
  s.dense_text = {.loss = 1.5, .bleu = 31.5};
  CHECK(metric_of(s) == Metric::bleu);
  CHECK(shown(Metric::bleu, dense_score(s)) == "31.50");
  s.dense_text = {.loss = 0.5, .f1 = 0.7, .matthews = 0.4};  // two classes
  CHECK(metric_of(s) == Metric::accuracy);
}

TEST_CASE("results are written as JSON, as CSV and as a page") {
  const TemporaryFolder scratch;
  SweepResults results{.folder = scratch.path(), .cells = {}, .controls = {{1, 0.8, 0.9}}};
  SweepResult failed{.cell = {"tw", 0.75, 16, 1}, .state = SweepResult::State::failed};
  failed.note = "out of \"memory\", <b>";
  results.cells = {failed};
  write_sweep_results(results);
  const auto json = nlohmann::json::parse(testing::read_bytes(scratch.path() / "results.json"));
  CHECK(json["cells"][0]["state"] == "failed");
  CHECK(json["controls"][0]["score"] == 0.9);
  const std::string csv = testing::read_bytes(scratch.path() / "results.csv");
  CHECK(csv.starts_with("pattern,asked_sparsity,granularity,seed,state,note,sparsity,"));
  CHECK(csv.find("tw,0.75,16,1,failed,\"out of \"\"memory\"\", <b>\",,") != csv.npos);
  const std::string page = testing::read_bytes(scratch.path() / "report.html");
  CHECK(page.find("out of &quot;memory&quot;, &lt;b&gt;") != page.npos);
  CHECK(page.find("<b>") == page.npos);
}

TEST_CASE("a child's output goes to its log, and its end is known") {
  const TemporaryFolder scratch;
  const fs::path log = scratch.path() / "log.txt";
  const auto status_of = [&](const std::string& script) {
    ChildProcess child({"/bin/sh", "-c", script}, log);
    return child.wait();
  };
  CHECK(status_of("echo out; echo err >&2; exit 3") == 3);
  CHECK(testing::read_bytes(log) == "out\nerr\n");
  CHECK(status_of("kill -TERM $$") == 128 + 15);
  CHECK(status_of("true") == 0);
  {
    ChildProcess child({"/nonexistent"}, log);
    CHECK(child.wait() == 127);
  }
  const auto processors = allowed_processors();
  REQUIRE_FALSE(processors.empty());
  fs::remove(log);
  ChildProcess pinned({"/bin/sh", "-c", "nproc"}, log, {processors.back()});
  pinned.wait();
  CHECK(testing::read_bytes(log) == "1\n");
}

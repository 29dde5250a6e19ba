#include "framework/train/sweep_results.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <tuple>

#include "framework/backend/cpu.h"
#include "framework/core/errors.h"
#include "framework/infer/compare.h"
#include "framework/infer/model_file.h"
#include "framework/io/atomic_file.h"
#include "framework/io/load_config.h"
#include "framework/train/bench_task.h"
#include "framework/train/interrupt.h"
#include "framework/train/run_record.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kTimingFile = "timing.json";

/// Texts and tokens of the batch that a model of texts is timed on.
constexpr int64_t kTimedTexts = 16, kTimedTokens = 64;

/// Folders of finished runs, <folder>/*/seed-*, in the order of their names.
std::vector<fs::path> finished_runs(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& cell : fs::directory_iterator(folder)) {
    if (!cell.is_directory()) continue;
    for (const auto& run : fs::directory_iterator(cell.path()))
      if (run.path().filename().string().starts_with("seed-") &&
          fs::exists(run.path() / "summary.json"))
        found.push_back(run.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool is_cell(const fs::path& run) {
  const fs::path name = run.parent_path().filename();
  return name != "dense" && name != "control";
}

/// The cell that a run's folder is named after.
SweepCell cell_of(const fs::path& run) {
  const Config config = load_config(run / "config.yaml");
  const bool has_granularity =
      run.parent_path().filename().string().find("-g") != std::string::npos;
  return {config.prune.pattern, config.prune.sparsity,
          has_granularity ? config.prune.granularity : 0, config.run.seed};
}

auto order_of(const SweepCell& cell) {
  return std::tie(cell.pattern, cell.granularity, cell.sparsity, cell.seed);
}

/// Values do not change a product's time.
std::vector<Tensor> random_inputs(const ModelCard& card) {
  BenchTask task{.model = card.model, .input = input_of(card)};
  if (!task.is_text()) return random_batch(task, kTimedBatch).inputs;
  const int64_t places = task.input.length;
  task.input.length = places > 0 ? std::min(places, kTimedTokens) : kTimedTokens;
  return random_batch(task, kTimedTexts).inputs;
}

Json time_model(const fs::path& path) {
  const ModelFile file = read_model_file(path);
  const LoadedModel loaded = load_model(file, path);
  const Comparison c = compare_with_dense(loaded, file, random_inputs(file.card));
  return {{"batch_size", c.batch_size},
          {"threads", cpu().threads()},
          {"dense_ms", c.dense_ms},
          {"sparse_ms", c.sparse_ms},
          {"best_library_ms", c.best_library_ms},
          {"best_library", c.best_library},
          {"speedup", c.speedup},
          {"max_abs_diff", c.max_abs_diff}};
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double sample_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - middle) * (value - middle);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

Json to_json(const SweepResult& result) {
  Json json{{"pattern", result.cell.pattern},
            {"asked_sparsity", result.cell.sparsity},
            {"granularity", result.cell.granularity == 0 ? Json() : Json(result.cell.granularity)},
            {"seed", result.cell.seed},
            {"state", name_of(result.state)},
            {"note", result.note}};
  if (result.state != SweepResult::State::done) return json;
  const Summary& s = result.summary;
  json.update({{"sparsity", s.sparsity},
               {"sparse_accuracy", s.sparse_accuracy},
               {"metric", name_of(metric_of(s))},
               {"sparse_score", sparse_score(s)},
               {"speedup", s.speedup},
               {"dense_ms", s.dense_ms},
               {"sparse_ms", s.sparse_ms},
               {"best_library", s.best_library},
               {"best_library_ms", s.best_library_ms},
               {"sparse_bytes", s.sparse_bytes},
               {"run_seconds", s.run_seconds}});
  return json;
}

std::string to_csv(const SweepResults& results) {
  // The keys of a cell are the columns; those of a cell that is not done stay empty.
  Json done = to_json({.cell = {"", 0}});
  std::string out;
  for (const auto& [key, value] : done.items()) out += (out.empty() ? "" : ",") + key;
  out += '\n';
  for (const SweepResult& result : results.cells) {
    const Json row = to_json(result);
    std::string line;
    for (const auto& [key, unused] : done.items()) {
      const bool has_value = row.contains(key) && !row[key].is_null();
      const std::string text = !has_value             ? ""
                               : row[key].is_string() ? row[key].get<std::string>()
                                                      : row[key].dump();
      line += (key == "pattern" ? "" : ",") + csv_field(text);
    }
    out += line + '\n';
  }
  return out;
}

}  // namespace

const char* name_of(SweepResult::State state) {
  switch (state) {
    case SweepResult::State::done:
      return "done";
    case SweepResult::State::failed:
      return "failed";
    case SweepResult::State::not_reachable:
      return "not reachable";
  }
  return "?";
}

SweepResults collect_sweep(const fs::path& folder, const std::vector<SweepResult>& others) {
  SweepResults results{.folder = folder, .cells = {}, .controls = {}};
  for (const fs::path& run : finished_runs(folder)) {
    Summary summary = read_summary(run / "summary.json");
    results.metric = metric_of(summary);
    if (!is_cell(run)) {
      const uint64_t seed = load_config(run / "config.yaml").run.seed;
      const bool is_control = run.parent_path().filename() == "control";
      auto found = std::find_if(results.controls.begin(), results.controls.end(),
                                [&](const SweepControl& c) { return c.seed == seed; });
      if (found == results.controls.end()) found = results.controls.insert(found, {.seed = seed});
      (is_control ? found->score : found->score_before) = dense_score(summary);
      continue;
    }
    if (fs::exists(run / kTimingFile)) {
      const Summary timed = read_summary(run / kTimingFile);
      summary.batch_size = timed.batch_size;
      summary.dense_ms = timed.dense_ms;
      summary.sparse_ms = timed.sparse_ms;
      summary.best_library_ms = timed.best_library_ms;
      summary.best_library = timed.best_library;
      summary.speedup = timed.speedup;
    }
    results.cells.push_back({.cell = cell_of(run), .summary = summary});
  }
  const size_t done = results.cells.size();
  for (const SweepResult& other : others)
    if (std::none_of(
            results.cells.begin(), results.cells.begin() + std::ptrdiff_t(done),
            [&](const SweepResult& r) { return order_of(r.cell) == order_of(other.cell); }))
      results.cells.push_back(other);
  std::sort(results.cells.begin(), results.cells.end(),
            [](const auto& a, const auto& b) { return order_of(a.cell) < order_of(b.cell); });
  return results;
}

void time_sweep(const fs::path& folder, int threads) {
  if (threads > 0) cpu().set_threads(threads);
  for (const fs::path& run : finished_runs(folder)) {
    if (!is_cell(run) || fs::exists(run / kTimingFile)) continue;
    if (const char* signal = InterruptScope::pending())
      throw Interrupted(concat("[sweep] stopped by ", signal, "; the same command goes on."));
    const Json timing = time_model(run / "model.safetensors");
    write_file_atomically(run / kTimingFile, timing.dump(2) + "\n");
    std::cout << "timed " << run.parent_path().filename().string() << " " << run.filename().string()
              << ": " << timing["speedup"].get<double>() << "x its dense twin" << std::endl;
  }
}

std::vector<SweepGroup> group_seeds(const SweepResults& results) {
  std::vector<SweepGroup> groups;
  std::vector<double> sparsity, score, speedup;
  const auto finish = [&] {
    if (groups.empty()) return;
    SweepGroup& group = groups.back();
    group.seeds = static_cast<int64_t>(score.size());
    group.sparsity = mean(sparsity);
    group.score = mean(score);
    group.speedup = mean(speedup);
    group.score_spread = sample_deviation(score);
    group.speedup_spread = sample_deviation(speedup);
  };
  for (const SweepResult& result : results.cells) {
    if (result.state != SweepResult::State::done) continue;
    if (groups.empty() || groups.back().cell.name() != result.cell.name()) {
      finish();
      groups.push_back({.cell = result.cell});
      sparsity.clear();
      score.clear();
      speedup.clear();
    }
    sparsity.push_back(result.summary.sparsity);
    score.push_back(sparse_score(result.summary));
    speedup.push_back(result.summary.speedup);
  }
  finish();
  return groups;
}

void write_sweep_results(const SweepResults& results) {
  Json json{{"cells", Json::array()}, {"controls", Json::array()}};
  for (const SweepResult& result : results.cells) json["cells"].push_back(to_json(result));
  for (const SweepControl& control : results.controls)
    json["controls"].push_back({{"seed", control.seed},
                                {"metric", name_of(results.metric)},
                                {"score_before", control.score_before},
                                {"score", control.score}});
  write_file_atomically(results.folder / "results.json",
                        json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  write_file_atomically(results.folder / "results.csv", to_csv(results));
  write_file_atomically(results.folder / "report.html", sweep_report(results));
}

}  // namespace tessera

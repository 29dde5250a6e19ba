#include "framework/train/run_record.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "datasets/read_file.h"
#include "framework/core/errors.h"
#include "framework/infer/model_file.h"
#include "framework/io/load_config.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json read_object(const fs::path& path) {
  Json json = Json::parse(read_file_text("report", path), nullptr, /*allow_exceptions=*/false);
  require_runtime(json.is_object(), "[report] ", path.string(),
                  " must hold one JSON object; got something else. Was it edited?");
  return json;
}

/// One line of metrics.jsonl; false where it is none.
bool add_metrics(const std::string& text, RunRecord& run) {
  const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object() || !line.contains("event") || !line["event"].is_string() ||
      !line.contains("step") || !line["step"].is_number_integer())
    return false;
  const auto event = line["event"].get<std::string>();
  const auto step = line["step"].get<int64_t>();
  if (event == "phase" && line.contains("name") && line["name"].is_string()) {
    const PhaseMark mark{step, line["name"].get<std::string>()};
    // A run that was killed right after the line has written it twice.
    if (run.phases.empty() || run.phases.back().name != mark.name) run.phases.push_back(mark);
    return true;
  }
  for (const auto& [field, value] : line.items()) {
    if (field == "version" || field == "step" || !(value.is_number() || value.is_null())) continue;
    run.metrics[concat(event, "/", field)].push_back(
        {step, value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN()});
  }
  return true;
}

void read_metrics(const fs::path& path, RunRecord& run) {
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) {
    run.notes.push_back("metrics.jsonl is not there: no curves.");
    return;
  }
  std::string line, bad;
  int64_t number = 0, skipped = 0;
  while (std::getline(in, line)) {
    ++number;
    if (add_metrics(line, run)) continue;
    constexpr int64_t kNamed = 5;
    if (++skipped <= kNamed) bad += concat(bad.empty() ? "" : ", ", number);
    if (skipped == kNamed + 1) bad += " ...";
  }
  if (skipped > 0)
    run.notes.push_back(concat(skipped, " of the ", number,
                               " lines of metrics.jsonl are no metrics and were left out: line ",
                               bad, "."));
}

void read_environment(const fs::path& path, RunRecord& run) {
  if (!fs::exists(path)) {
    run.notes.push_back("environment.json is not there: the machine is not known.");
    return;
  }
  const Json json = read_object(path);
  for (const auto& [key, value] : json.items())
    run.environment.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
}

/// `before`: the weights that were pruned; |before| / rms is counted.
void count_magnitudes(const Tensor& before, LayerRecord& layer) {
  const float* const weight = before.data<float>();
  const auto* const kept = layer.mask.data<uint8_t>();
  double squares = 0;
  for (int64_t i = 0; i < before.numel(); ++i) squares += double(weight[i]) * double(weight[i]);
  layer.rms = std::sqrt(squares / static_cast<double>(std::max<int64_t>(before.numel(), 1)));
  layer.all.assign(kMagnitudeBins, 0);
  layer.kept.assign(kMagnitudeBins, 0);
  if (!(layer.rms > 0)) return;
  for (int64_t i = 0; i < before.numel(); ++i) {
    const double bin = std::abs(weight[i]) / layer.rms / kMagnitudeBin;
    const size_t at = std::min(static_cast<size_t>(bin), kMagnitudeBins - 1);
    ++layer.all[at];
    layer.kept[at] += kept[i] != 0;
  }
}

void read_layers(const fs::path& folder, RunRecord& run) {
  const fs::path path = folder / "model.safetensors", dense_path = folder / "dense.safetensors";
  if (!fs::exists(path)) return;
  const ModelFile file = read_model_file(path);
  if (file.tiles.empty()) return;
  const LoadedModel loaded = load_model(file, path);
  TensorMap dense;
  if (fs::exists(dense_path)) dense = read_model_file(dense_path).state;
  for (const Parameter& parameter : loaded.model->parameters()) {
    const Tensor mask = loaded.masks.of(parameter.name);
    if (!mask.defined()) continue;
    LayerRecord layer{.name = parameter.name, .mask = mask};
    layer.tiles = file.tiles.at(parameter.name).tiles();
    const auto before = dense.find(parameter.name);
    if (before != dense.end() && before->second.shape() == mask.shape())
      count_magnitudes(before->second, layer);
    run.layers.push_back(std::move(layer));
  }
}

}  // namespace

double LayerRecord::sparsity() const {
  const auto* const kept = mask.data<uint8_t>();
  const auto zeros = std::count(kept, kept + mask.numel(), uint8_t{0});
  return static_cast<double>(zeros) / static_cast<double>(std::max<int64_t>(mask.numel(), 1));
}

Summary read_summary(const fs::path& path) {
  const Json json = read_object(path);
  const auto field = [&](const char* key, auto& member) {
    if (!json.contains(key) || json[key].is_null()) return;
    const Json& value = json[key];
    require_runtime(std::is_same_v<std::decay_t<decltype(member)>, std::string> ? value.is_string()
                                                                                : value.is_number(),
                    "[report] ", key, " of ", path.string(), " must be a value that a run writes; ",
                    "got ", value.dump(), ".");
    member = value.get<std::decay_t<decltype(member)>>();
  };
  Summary s;
  field("command", s.command);
  field("model", s.model);
  field("pattern", s.pattern);
  field("parameters", s.parameters);
  field("sparsity", s.sparsity);
  field("dense_accuracy", s.dense_accuracy);
  field("dense_accuracy_before_pruning", s.dense_accuracy_before_pruning);
  field("sparse_accuracy", s.sparse_accuracy);
  field("dense_top5", s.dense_top5);
  field("sparse_top5", s.sparse_top5);
  field("dense_bytes", s.dense_bytes);
  field("sparse_bytes", s.sparse_bytes);
  field("batch_size", s.batch_size);
  field("dense_ms", s.dense_ms);
  field("sparse_ms", s.sparse_ms);
  field("best_library_ms", s.best_library_ms);
  field("best_library", s.best_library);
  field("speedup", s.speedup);
  field("target_speedup", s.target_speedup);
  field("predicted_speedup", s.predicted_speedup);
  field("max_abs_diff", s.max_abs_diff);
  field("run_seconds", s.run_seconds);
  const auto scores = [&](const std::string& which, TextScores& text) {
    const auto optional = [&](const char* name, std::optional<double>& member) {
      const std::string key = which + name;
      double value = 0;
      field(key.c_str(), value);
      if (json.contains(key) && !json[key].is_null()) member = value;
    };
    optional("_loss", text.loss);
    optional("_perplexity", text.perplexity);
    optional("_bleu", text.bleu);
    optional("_exact_match", text.exact_match);
    optional("_f1", text.f1);
    optional("_matthews", text.matthews);
  };
  scores("dense", s.dense_text);
  scores("sparse", s.sparse_text);
  s.is_text = s.dense_text.loss.has_value();
  s.is_timed = json.contains("dense_ms") && json["dense_ms"].is_number();
  return s;
}

RunRecord read_run(const fs::path& folder) {
  require(fs::exists(folder / "config.yaml"), "[report] ", folder.string(),
          " must be the folder of a run, with a config.yaml; got ",
          fs::is_directory(folder) ? "a folder without one" : "no folder",
          ". Runs are in runs/<run.name> or run.dir; tessera sweep writes its own report.");
  RunRecord run{.folder = folder};
  run.config_text = read_file_text("report", folder / "config.yaml");
  run.config = parse_config(run.config_text, (folder / "config.yaml").string());
  read_environment(folder / "environment.json", run);
  read_metrics(folder / "metrics.jsonl", run);
  if (fs::exists(folder / "summary.json"))
    run.summary = read_summary(folder / "summary.json");
  else
    run.notes.push_back("The run is not finished: there is no summary.json.");
  read_layers(folder, run);
  return run;
}

}  // namespace tessera

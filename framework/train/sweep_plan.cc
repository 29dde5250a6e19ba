#include "framework/train/sweep_plan.h"

#include <algorithm>
#include <cmath>

#include "datasets/make_datasets.h"
#include "framework/core/errors.h"
#include "framework/core/random.h"
#include "framework/io/load_config.h"
#include "framework/io/schema.h"
#include "pruning/pattern.h"
#include "pruning/stages.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

std::string as_text(double value) { return concat(value); }

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += concat(out.empty() ? "" : ", ", word);
  return out;
}

void check_patterns(const std::vector<std::string>& patterns) {
  std::vector<std::string> known;
  for (const Field& field : config_fields())
    if (field.path == "prune.pattern") known = field.choices;
  for (const std::string& pattern : patterns)
    require(std::find(known.begin(), known.end(), pattern) != known.end(),
            "[sweep] --patterns must be of ", listed(known), "; got '", pattern, "'",
            suggestion(nearest(pattern, known)), ".");
}

/// The masks of a random layer: where two granularities give the same ones, they are one to the
/// pattern. Empty where the layer cannot have the sparsity.
std::vector<uint8_t> probe(const std::string& pattern, double sparsity, int64_t granularity) {
  constexpr int64_t kOutputs = 512, kInputs = 64;
  Tensor scores = Tensor::empty({kOutputs, kInputs});
  RandomSequence random({.seed = 1});
  std::generate_n(scores.data<float>(), scores.numel(), [&] { return random.uniform(); });
  try {
    const auto masks = prune_masks({.pattern = pattern, .granularity = granularity}, sparsity,
                                   {{.name = "probe", .scores = scores}});
    return {masks[0].data<uint8_t>(), masks[0].data<uint8_t>() + masks[0].numel()};
  } catch (const std::invalid_argument&) {
    return {};
  }
}

/// The granularities that make a difference: all, or 0 alone where none does.
std::vector<int64_t> distinct(const std::string& pattern, double sparsity,
                              const std::vector<int64_t>& granularities) {
  std::vector<std::vector<uint8_t>> seen;
  std::vector<int64_t> kept;
  for (const int64_t granularity : granularities) {
    auto mask = probe(pattern, sparsity, granularity);
    if (!mask.empty() && std::find(seen.begin(), seen.end(), mask) != seen.end()) continue;
    seen.push_back(std::move(mask));
    kept.push_back(granularity);
  }
  if (kept.empty() || (kept.size() == 1 && granularities.size() > 1)) return {0};
  return kept;
}

std::vector<std::string> overrides_of(const SweepCell& cell) {
  std::vector<std::string> overrides{"prune.pattern=" + cell.pattern,
                                     "prune.sparsity=" + as_text(cell.sparsity),
                                     "prune.dense_control=false"};
  if (cell.granularity > 0) overrides.push_back(concat("prune.granularity=", cell.granularity));
  return overrides;
}

/// What the config says against the cell.
std::string refusal_of(const SweepRequest& request, const SweepCell& cell) {
  std::vector<std::string> overrides = request.overrides;
  for (auto& override : overrides_of(cell)) overrides.push_back(std::move(override));
  try {
    load_config(request.config_path, overrides);
  } catch (const ConfigError& error) {
    return error.messages().front();
  }
  return "";
}

/// A window in steps is told in epochs by the size of the data set, which is read for it.
double epochs_in(const Duration& window, const Config& config) {
  if (window.unit == Duration::Unit::epochs) return window.count;
  const Datasets data = make_datasets(config.data, config.run.seed);
  const DataLoader loader(data.train, train_loader_options(config.data, data, config.run.seed));
  return window.count / static_cast<double>(loader.batches() / config.train.accumulate);
}

int64_t pruning_epochs(const Config& config) {
  const PruneConfig& prune = config.prune;
  double epochs = 0;
  for (const PruneStage& stage : plan_stages(prune))
    epochs += prune.rewind
                  ? static_cast<double>(config.train.epochs) - epochs_in(prune.rewind_to, config)
                  : epochs_in(stage.window, config);
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(epochs - 1e-9)));
}

/// The optimizer and the schedule of fine-tuning, as those of a run of its own; a control of
/// rewound stages keeps the dense ones.
void add_fine_tuning(const Config& config, std::vector<std::string>& arguments) {
  if (config.prune.rewind) return;
  Config copy = config;
  const std::string section = "prune.fine_tune.";
  for (const char* part : {"optimizer", "scheduler"}) {
    const auto fields = bind_fields(copy, section + part);
    arguments.push_back(concat(part, "={}"));
    for (const BoundField& bound : fields)
      if (applies(*bound.field, fields))
        arguments.push_back(concat(bound.field->path.substr(section.size()), "=",
                                   format_value(*bound.field, bound.member)));
  }
  arguments.push_back(concat("optimizer.lr=", config.prune.fine_tune.lr));
}

std::vector<std::string> arguments_of(const SweepPlan& plan, const char* command,
                                      const std::string& name, uint64_t seed) {
  std::vector<std::string> out{command};
  out.insert(out.end(), plan.base.begin(), plan.base.end());
  out.push_back(concat("run.seed=", seed));
  out.push_back("run.dir=" + plan.folder_of(name, seed).string());
  out.push_back(concat("run.name=", name, "-seed-", seed));
  out.insert(out.end(), {"--resume", "auto"});
  return out;
}

std::string dense_file(const SweepPlan& plan, uint64_t seed) {
  return (plan.folder_of("dense", seed) / "model.safetensors").string();
}

}  // namespace

std::string SweepCell::name() const {
  return concat(pattern, granularity > 0 ? concat("-g", granularity) : std::string(), "-s",
                as_text(sparsity));
}

fs::path SweepPlan::folder_of(const std::string& name, uint64_t seed) const {
  return folder / name / concat("seed-", seed);
}

SweepPlan plan_sweep(const SweepRequest& request) {
  SweepPlan plan{.base = {request.config_path.string()}};
  plan.base.insert(plan.base.end(), request.overrides.begin(), request.overrides.end());
  plan.config = load_config(request.config_path, request.overrides);
  const Config& config = plan.config;
  require(config.has_prune, "[sweep] the config must have a section 'prune'; got none in ",
          request.config_path.string(), ".");
  require(config.prune.target_speedup == 0,
          "[sweep] the cells have the sparsities of --sparsity; got prune.target_speedup ",
          config.prune.target_speedup,
          ", too. Add ~prune.target_speedup, or use tessera run for each target.");
  require(config.prune.schedule.type != "list",
          "[sweep] prune.schedule.type must be one_shot, linear or cubic, whose stages follow the "
          "sparsity; got list. Add prune.schedule.type=cubic and ~prune.schedule.sparsities.");
  check_patterns(request.patterns);
  plan.folder = config.run.dir.empty() ? fs::path("runs") / (config.run.name + "-sweep")
                                       : fs::path(config.run.dir);
  require(!fs::exists(plan.folder / "config.yaml"), "[sweep] the folder ", plan.folder.string(),
          " must not hold a run; got one. Choose another with run.dir=PATH.");
  plan.seeds = request.seeds.empty() ? std::vector<uint64_t>{config.run.seed} : request.seeds;
  plan.control_epochs = pruning_epochs(config);
  for (const std::string& pattern : request.patterns)
    for (const double sparsity : request.sparsities)
      for (const int64_t granularity : distinct(pattern, sparsity, request.granularities)) {
        SweepCell cell{pattern, sparsity, granularity};
        cell.refusal = refusal_of(request, cell);
        for (const uint64_t seed : plan.seeds) {
          cell.seed = seed;
          plan.cells.push_back(cell);
        }
      }
  return plan;
}

std::vector<std::string> dense_arguments(const SweepPlan& plan, uint64_t seed) {
  return arguments_of(plan, "train", "dense", seed);
}

std::vector<std::string> control_arguments(const SweepPlan& plan, uint64_t seed) {
  auto arguments = arguments_of(plan, "train", "control", seed);
  arguments.push_back(concat("train.epochs=", plan.control_epochs));
  add_fine_tuning(plan.config, arguments);
  arguments.insert(arguments.end(), {"--from", dense_file(plan, seed)});
  return arguments;
}

std::vector<std::string> cell_arguments(const SweepPlan& plan, const SweepCell& cell) {
  auto arguments = arguments_of(plan, "prune", cell.name(), cell.seed);
  const auto overrides = overrides_of(cell);
  arguments.insert(arguments.end(), overrides.begin(), overrides.end());
  arguments.insert(arguments.end(), {"--from", dense_file(plan, cell.seed)});
  return arguments;
}

}  // namespace tessera

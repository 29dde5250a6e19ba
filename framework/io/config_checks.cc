#include "framework/io/config_checks.h"

#include <cmath>
#include <regex>

#include "framework/core/choose_device.h"
#include "framework/core/errors.h"
#include "framework/io/layer_bound.h"

namespace tessera {
namespace {

/// Two sparsities are the same below this: far below one weight of any model.
constexpr double kSameSparsity = 1e-9;

/// A sparsity is reached within this, 0.1 point.
constexpr double kSparsityTolerance = 1e-3;

class Checks {
 public:
  Checks(const Config& config, const ConfigReader& reader, ConfigErrors& errors)
      : config_(config), reader_(reader), errors_(errors) {}

  void run() const {
    check_run();
    check_data();
    check_model();
    check_optimizer(config_.optimizer, "optimizer");
    check_scheduler();
    if (config_.has_prune) check_prune();
  }

 private:
  template <class... Parts>
  void check(bool ok, const char* path, const Parts&... message) const {
    if (!ok) errors_.add(reader_.place_of(path), concat("'", path, "' ", message...));
  }

  void check_run() const {
    const std::string& name = config_.run.name;
    bool safe = !name.empty() && name[0] != '.' && name.size() <= 200;
    for (char c : name)
      safe &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-';
    check(safe, "run.name",
          "must be letters, digits, '.', '_' and '-', not starting with '.': it names a folder; "
          "got '",
          name, "'");
    check(parse_device(config_.run.device).has_value(), "run.device",
          "must be auto, cpu, cuda or cuda:N; got '", config_.run.device, "'");
  }

  void check_data() const {
    const DataConfig& data = config_.data;
    check(data.train_end == 0 || data.train_end > data.train_begin, "data.train_end",
          "must be above data.train_begin; got ", data.train_end, " and ", data.train_begin);
    check(data.train_end > 0 || data.train_begin == 0, "data.train_begin",
          "has no effect without data.train_end");
    check(data.mean.size() == data.std.size(), "data.std",
          "must have one value for each of data.mean; got ", data.std.size(), " for ",
          data.mean.size());
    check(data.test_share == 0 || data.test_file.empty(), "data.test_share",
          "has no effect beside data.test_file. Remove one of them");
    check(data.tokenizer.shared || data.tokenizer.files.empty(), "data.tokenizer.shared",
          "must be true where data.tokenizer.files are given: they serve both languages");
    check(data.tokenizer.shared || !config_.model.share_embeddings, "model.share_embeddings",
          "needs data.tokenizer.shared, one vocabulary for both languages; got one for each");
    check(data.type != "parallel_text" || data.source != data.target, "data.target",
          "must differ from data.source; got '", data.target, "' for both");
  }

  void check_model() const {
    const ModelConfig& model = config_.model;
    check(model.type != "sequential" || !model.layers.empty(), "model.layers",
          "must list at least one layer");
  }

  void check_optimizer(const OptimizerConfig& optimizer, const std::string& path) const {
    check(optimizer.betas.size() == 2, (path + ".betas").c_str(), "must be two values; got ",
          optimizer.betas.size());
    check(!optimizer.nesterov || optimizer.momentum > 0, (path + ".nesterov").c_str(), "needs ",
          path, ".momentum above 0");
  }

  void check_scheduler() const {
    const SchedulerConfig& scheduler = config_.scheduler;
    check(scheduler.warmup.unit == Duration::Unit::steps ||
              scheduler.warmup.count < static_cast<double>(config_.train.epochs),
          "scheduler.warmup", "must be shorter than train.epochs; got ", scheduler.warmup.count,
          " of ", config_.train.epochs, " epochs");
    check(scheduler.final_lr <= config_.optimizer.lr, "scheduler.final_lr",
          "must not exceed optimizer.lr; got ", scheduler.final_lr, " and ", config_.optimizer.lr);
  }

  void check_prune() const {
    const PruneConfig& prune = config_.prune;
    check(!prune.include.empty(), "prune.include", "must list at least one regular expression");
    check_regexes("prune.include", prune.include);
    check_regexes("prune.exclude", prune.exclude);
    check_variant(prune);
    if (prune.target_speedup > 0)
      check_speed(prune);
    else
      check_sparsity(prune);
    for (const std::string& bound : prune.layer_bounds) check_bound(bound);
    check_shares("prune.apriori.columns.last", prune.apriori.columns);
    check_shares("prune.apriori.rows.last", prune.apriori.rows);
    check_units(prune);
    check_fine_tune(prune);
    check_rewind(prune);
    const bool regrows = prune.pattern == "tw" || prune.pattern == "tw1";
    check(prune.regrow == 0 || (regrows && prune.variant == "exact"), "prune.regrow",
          "needs prune.pattern tw or tw1 and prune.variant exact; got ", prune.pattern, " and ",
          prune.variant);
  }

  void check_units(const PruneConfig& prune) const {
    if (prune.units == "outputs") return;
    check(prune.pattern == "units", "prune.units", "needs prune.pattern units; got ",
          prune.pattern);
    const bool is_bounded =
        prune.min_per_layer > 0 || prune.max_per_layer < 1 || !prune.layer_bounds.empty();
    check(prune.scope == "global" && !is_bounded, "prune.units", "may not be ", prune.units,
          " with prune.scope layer or bounds of single layers, for several weights share a unit");
  }

  void check_sparsity(const PruneConfig& prune) const {
    check(prune.sparsity > 0, "prune.sparsity",
          "must be given where prune.target_speedup is not; got none");
    if (prune.sparsity == 0) return;
    if (prune.schedule.type == "list") check_sparsities(prune);
    if (prune.variant == "exact") check_reachable(prune);
    check(prune.min_per_layer <= prune.sparsity, "prune.min_per_layer",
          "must not exceed prune.sparsity; got ", prune.min_per_layer, " and ", prune.sparsity);
    check(prune.max_per_layer >= prune.sparsity, "prune.max_per_layer",
          "must not be below prune.sparsity; got ", prune.max_per_layer, " and ", prune.sparsity);
    check(prune.pattern != "tew" || prune.sparsity + prune.delta < 1, "prune.delta",
          "must be below 1 together with prune.sparsity; got ", prune.delta, " and ",
          prune.sparsity);
  }

  /// The sparsity is found when the run starts.
  void check_speed(const PruneConfig& prune) const {
    const char* path = "prune.target_speedup";
    check(prune.sparsity == 0, path, "must not be given together with prune.sparsity; got ",
          prune.target_speedup, " and ", prune.sparsity, ". Delete one (~prune.sparsity)");
    check(
        prune.schedule.type != "list", path,
        "needs a prune.schedule.type whose stages follow it, one_shot, linear or cubic; got list");
    check(prune.variant == "exact", path, "needs prune.variant exact; got ", prune.variant);
    check(prune.min_per_layer <= prune.max_per_layer, "prune.min_per_layer",
          "must not exceed prune.max_per_layer; got ", prune.min_per_layer, " and ",
          prune.max_per_layer);
  }

  void check_fine_tune(const PruneConfig& prune) const {
    const FineTuneConfig& fine_tune = prune.fine_tune;
    check_optimizer(fine_tune.optimizer, "prune.fine_tune.optimizer");
    // The default is one of SGD's; above Adam's rate it undoes what was learnt.
    check(!fine_tune.optimizer.type.starts_with("adam") || prune.rewind ||
              fine_tune.epochs.count == 0 || reader_.has("prune.fine_tune.lr") ||
              fine_tune.lr <= config_.optimizer.lr,
          "prune.fine_tune.lr", "must be given where its default, ", fine_tune.lr,
          ", is above optimizer.lr; got optimizer.lr ", config_.optimizer.lr,
          ". Set it, to optimizer.lr or less; 0.01 keeps the default");
    check(fine_tune.scheduler.final_lr <= fine_tune.lr, "prune.fine_tune.scheduler.final_lr",
          "must not exceed prune.fine_tune.lr; got ", fine_tune.scheduler.final_lr, " and ",
          fine_tune.lr);
    check(fine_tune.early_stop.patience == 0 || config_.data.validation > 0,
          "prune.fine_tune.early_stop.patience",
          "needs validation data; got data.validation 0. Set it to 0.1");
    check(fine_tune.early_stop.patience > 0 || fine_tune.early_stop.min_delta == 0,
          "prune.fine_tune.early_stop.min_delta", "has no effect without patience");
  }

  void check_rewind(const PruneConfig& prune) const {
    const Duration& to = prune.rewind_to;
    check(prune.rewind || to.count == 0, "prune.rewind_to", "has no effect without prune.rewind");
    check(to.unit == Duration::Unit::steps || to.count < static_cast<double>(config_.train.epochs),
          "prune.rewind_to", "must lie before train.epochs; got ", to.count, " of ",
          config_.train.epochs, " epochs");
    if (!prune.rewind) return;
    Config config = config_;
    for (const BoundField& bound : bind_fields(config, "prune")) {
      const Field& field = *bound.field;
      const bool replaced =
          field.path.starts_with("prune.fine_tune.scheduler.") ||
          field.path == "prune.schedule.epochs" || field.path == "prune.schedule.lr" ||
          field.path == "prune.fine_tune.epochs" || field.path == "prune.fine_tune.lr";
      check(!replaced || format_value(field, bound.member) == format_default(field),
            field.path.c_str(),
            "has no effect with prune.rewind, which takes the dense learning rates from "
            "prune.rewind_to on. Remove it");
    }
  }

  void check_bound(const std::string& text) const {
    try {
      parse_layer_bound(text);
    } catch (const std::invalid_argument& error) {
      check(false, "prune.layer_bounds", "cannot be used: ", error.what());
    }
  }

  void check_shares(const char* path, const AprioriSharesConfig& shares) const {
    check(shares.top + shares.last <= 1, path, "must be at most 1 together with top; got ",
          shares.last, " and ", shares.top);
  }

  void check_variant(const PruneConfig& prune) const {
    const bool has_reference =
        prune.pattern != "tvw" && prune.pattern != "nm" && prune.pattern != "units";
    check(prune.variant == "exact" || has_reference, "prune.variant",
          "must be exact for prune.pattern ", prune.pattern,
          ", which the paper's artifact has not");
  }

  /// What pruning/pattern.h has the last word on, said before anything runs.
  void check_reachable(const PruneConfig& prune) const {
    const char* path = "prune.sparsity";
    const double vector = prune.granularity > 0 ? static_cast<double>(prune.granularity) : 16;
    const double kept = (1 - prune.sparsity) * vector;
    check(prune.pattern != "nm" || std::abs(prune.sparsity - 0.5) <= kSparsityTolerance, path,
          "must be 0.5 for prune.pattern nm, which is 2:4; got ", prune.sparsity);
    check(prune.pattern != "tvw" || prune.sparsity >= 0.5 - kSparsityTolerance, path,
          "must be at least 0.5 for prune.pattern tvw, whose tiles are 2:4 inside; got ",
          prune.sparsity);
    check(prune.pattern != "vw" ||
              (std::abs(kept - std::round(kept)) <= kSparsityTolerance * vector &&
               std::round(kept) >= 1),
          path, "must be a multiple of 1/", vector,
          " for prune.pattern vw with vectors of that length; got ", prune.sparsity,
          ". Change it or prune.granularity");
  }

  void check_regexes(const char* path, const std::vector<std::string>& patterns) const {
    for (const std::string& pattern : patterns) {
      check(pattern.size() <= kMaxRegexLength, path, "takes regular expressions of at most ",
            kMaxRegexLength, " characters; got ", pattern.size());
      if (pattern.size() > kMaxRegexLength) continue;
      try {
        std::regex compiled(pattern);
      } catch (const std::regex_error& error) {
        check(false, path, "must be regular expressions (ECMAScript); got '", pattern,
              "': ", error.what());
      }
    }
  }

  void check_sparsities(const PruneConfig& prune) const {
    const std::vector<double>& stages = prune.schedule.sparsities;
    const char* path = "prune.schedule.sparsities";
    check(!stages.empty(), path, "must list the sparsity of each stage");
    for (size_t i = 1; i < stages.size(); ++i)
      check(stages[i] > stages[i - 1], path, "must rise; got ", stages[i], " after ",
            stages[i - 1]);
    if (!stages.empty())
      check(std::abs(stages.back() - prune.sparsity) < kSameSparsity, path,
            "must end with prune.sparsity; got ", stages.back(), " and ", prune.sparsity);
  }

  const Config& config_;
  const ConfigReader& reader_;
  ConfigErrors& errors_;
};

}  // namespace

void check_relations(const Config& config, const ConfigReader& reader, ConfigErrors& errors) {
  Checks(config, reader, errors).run();
}

}  // namespace tessera

#include "pruning/stages.h"

#include <algorithm>

#include "framework/core/errors.h"
#include "pruning/pattern.h"

namespace tessera {

namespace {

void check_listed(const PruneConfig& config) {
  const std::vector<double>& listed = config.schedule.sparsities;
  require(!listed.empty(),
          "[prune.schedule] a list needs sparsities; got none. "
          "Set prune.schedule.sparsities, for instance to [0.5, ",
          config.sparsity, "].");
  for (size_t i = 0; i < listed.size(); ++i)
    require(listed[i] >= 0 && listed[i] < 1 && (i == 0 || listed[i] > listed[i - 1]),
            "[prune.schedule] sparsities must rise strictly, from 0 to below 1; got ", listed[i],
            i == 0 ? std::string(" first") : concat(" after ", listed[i - 1]), ".");
  require(listed.back() == config.sparsity,
          "[prune.schedule] the last of the sparsities must be prune.sparsity; got ", listed.back(),
          " and ", config.sparsity, ".");
}

std::vector<double> sparsities(const PruneConfig& config, double start, const Pattern& pattern) {
  const std::string& type = config.schedule.type;
  if (type == "one_shot") return {config.sparsity};
  if (type == "list") {
    check_listed(config);
    std::vector<double> out;
    for (const double sparsity : config.schedule.sparsities)
      if (sparsity > start || sparsity == config.sparsity) out.push_back(sparsity);
    for (const double sparsity : out) require_reachable(pattern_options(config), sparsity);
    return out;
  }
  require(type == "linear" || type == "cubic",
          "[prune.schedule] type must be one of one_shot, linear, cubic, list; got '", type, "'.");
  const int64_t n = config.schedule.stages;
  require(n >= 1, "[prune.schedule] stages must be at least 1; got ", n, ".");
  std::vector<double> out;
  for (int64_t t = 1; t < n; ++t) {
    const double left = 1 - static_cast<double>(t) / static_cast<double>(n);
    const double share = type == "linear" ? left : left * left * left;
    const double sparsity = config.sparsity + (start - config.sparsity) * share;
    const double reached = pattern.nearest_sparsity(sparsity);
    if (reached == sparsity || (reached > std::max(start, out.empty() ? 0 : out.back()) &&
                                reached < config.sparsity - kSparsityTolerance))
      out.push_back(reached);
  }
  out.push_back(config.sparsity);  // not computed: it is reached exactly
  return out;
}

}  // namespace

std::vector<PruneStage> plan_stages(const PruneConfig& config, double start) {
  require(config.sparsity >= 0 && config.sparsity < 1,
          "[prune] sparsity must be at least 0 and below 1; got ", config.sparsity, ".");
  require(start >= 0 && start <= config.sparsity + kSparsityTolerance,
          "[prune] sparsity must not be below that of the present masks, since pruned weights stay "
          "pruned; got ",
          config.sparsity, " for masks at ", start, ".");
  start = std::min(start, config.sparsity);
  const PatternOptions options = pattern_options(config);
  require_reachable(options, config.sparsity);
  const PruneScheduleConfig& schedule = config.schedule;
  const double stage_lr = schedule.lr > 0 ? schedule.lr : config.fine_tune.lr;
  std::vector<PruneStage> stages;
  for (const double sparsity : sparsities(config, start, *make_pattern(options)))
    stages.push_back({.sparsity = sparsity, .window = schedule.epochs, .lr = stage_lr});
  stages.back().window = config.fine_tune.epochs;
  stages.back().lr = config.fine_tune.lr;
  return stages;
}

}  // namespace tessera

#include "framework/train/speed_target.h"

#include <algorithm>
#include <iomanip>
#include <utility>

#include "datasets/read_file.h"
#include "framework/backend/cpu.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

/// Half of the 0.1 point within which a sparsity is reached.
constexpr double kStep = 5e-4;

std::string fixed(double value, int decimals) {
  return concat(std::fixed, std::setprecision(decimals), value);
}

/// The nearest sparsity that the pattern can have and the layers reach.
double highest_of(const Pattern& pattern, double highest) {
  const double nearest = pattern.nearest_sparsity(highest);
  return nearest <= highest + 2 * kStep ? nearest
                                        : pattern.nearest_sparsity(2 * highest - nearest - kStep);
}

}  // namespace

double solve_sparsity(double target, const SparsityRange& range,
                      const std::function<double(double)>& speedup_at) {
  double low = range.lowest, high = range.highest;
  if (low >= high || speedup_at(high) < target) return high;
  if (speedup_at(low) >= target) return low;
  while (high - low > kStep) {
    const double middle = (low + high) / 2;
    (speedup_at(middle) >= target ? high : low) = middle;
  }
  return high;
}

SpeedTarget::SpeedTarget(const PruneConfig& config, SpeedModel model)
    : config_(config), model_(std::move(model)) {}

SpeedSolution SpeedTarget::at(const ModelScores& scores, double sparsity) const {
  const double reached = make_pattern(pattern_options(config_))->nearest_sparsity(sparsity);
  const double present = scores.present_sparsity();
  SpeedSolution out{.masks = reached > present ? scores.masks_at(reached) : scores.current(),
                    .sparsity = std::max(reached, present)};
  out.speedup = model_.speedup(scores.packed(out.masks));
  return out;
}

SpeedSolution SpeedTarget::solve(const ModelScores& scores) const {
  const double present = scores.present_sparsity();
  // Once the sparsity is planned, a stage needs the minima of layers in part only.
  const double least = config_.sparsity > 0 ? 0 : scores.least_sparsity();
  const SparsityRange range{
      .lowest = std::max(present, least),
      .highest = highest_of(*make_pattern(pattern_options(config_)), scores.highest_sparsity())};
  return at(scores, solve_sparsity(config_.target_speedup, range,
                                   [&](double sparsity) { return at(scores, sparsity).speedup; }));
}

SpeedSolution SpeedTarget::stage(const ModelScores& scores, double start, double share) const {
  SpeedSolution last = solve(scores);
  return share >= 1 ? last : at(scores, start + share * (last.sparsity - start));
}

double SpeedTarget::plan(const ModelScores& scores) const {
  const double target = config_.target_speedup;
  const double present = model_.speedup(scores.packed(scores.current()));
  require(present < target,
          "[prune] prune.target_speedup must be above what the weights to start from are predicted;"
          " got ",
          target, " for weights of ", fixed(100 * scores.present_sparsity(), 2),
          "% sparsity, predicted ", fixed(present, 2), ". Raise it.");
  const SpeedSolution solution = solve(scores);
  require(solution.speedup >= target,
          "[prune] prune.target_speedup must be one that pruning can reach; got ", target,
          ". The highest is ", fixed(solution.speedup, 2), ", predicted at ",
          fixed(100 * solution.sparsity, 2), "% sparsity: the dense model takes ",
          fixed(model_.dense_ms, 3), " ms, and all but the pruned layers ",
          fixed(model_.other_ms, 3),
          " in a sparse plan. Lower it, or prune more layers "
          "(prune.exclude, prune.prune_first_and_last, prune.max_per_layer).");
  return solution.sparsity;
}

MachineCosts machine_costs() {
  const std::filesystem::path path = default_calibration_file();
  const std::string here = concat(cpu().isa(), ", ", cpu().threads(), " threads");
  if (!path.empty() && std::filesystem::exists(path)) {
    const CostModel costs = parse_cost_model(read_file_text("calibration", path), path.string());
    if (costs.isa == concat(cpu().isa()) && costs.threads == cpu().threads())
      return {costs, path.string()};
    return {calibrate(), concat("measured now for ", here, ", since ", path.string(), " is for ",
                                costs.isa, ", ", costs.threads, " threads")};
  }
  return {calibrate(), concat("measured now for ", here,
                              "; `tessera bench --calibrate` keeps one for all runs")};
}

}  // namespace tessera

#include "pruning/pattern.h"

#include <algorithm>
#include <cmath>

#include "framework/io/config.h"
#include "pruning/block_wise.h"
#include "pruning/element_wise.h"
#include "pruning/tile_element_wise.h"
#include "pruning/tile_vector_wise.h"
#include "pruning/tile_wise.h"
#include "pruning/vector_wise.h"
#include "pruning/whole_units.h"

namespace tessera {

namespace {

using Options = PatternOptions;
using Made = std::unique_ptr<Pattern>;

struct PatternEntry {
  const char* name;
  int64_t granularity;  ///< unless the options give another
  Made (*make)(const Options&);
};

constexpr int64_t kTile = 64, kBlock = 32, kVector = 16;

constexpr PatternEntry kPatterns[] = {
    {"tw", kTile, [](const Options& o) -> Made { return std::make_unique<TileWise>(o, o.split); }},
    {"tw1", kTile, [](const Options& o) -> Made { return std::make_unique<TileWise>(o, 0); }},
    {"tew", kTile, [](const Options& o) -> Made { return std::make_unique<TileElementWise>(o); }},
    {"tvw", kTile, [](const Options& o) -> Made { return std::make_unique<TileVectorWise>(o); }},
    {"ew", 1, [](const Options& o) -> Made { return std::make_unique<ElementWise>(o); }},
    {"vw", kVector,
     [](const Options& o) -> Made { return std::make_unique<VectorWise>(granularity_of(o)); }},
    {"nm", 4, [](const Options&) -> Made { return std::make_unique<VectorWise>(4, 2); }},
    {"bw", kBlock, [](const Options& o) -> Made { return std::make_unique<BlockWise>(o); }},
    {"units", kTile, [](const Options& o) -> Made { return std::make_unique<WholeUnits>(o); }},
};

const PatternEntry& find_pattern(const std::string& name) {
  std::string known;
  for (const PatternEntry& entry : kPatterns) {
    if (name == entry.name) return entry;
    known += concat(known.empty() ? "" : ", ", entry.name);
  }
  fail("[prune] pattern must be one of ", known, "; got '", name, "'.");
}

void check_apriori(const char* units, const AprioriShares& shares) {
  require(shares.top >= 0 && shares.last >= 0 && shares.top + shares.last <= 1,
          "[prune] the apriori shares of ", units,
          " must be at least 0 and at most 1 together; got top ", shares.top, " and last ",
          shares.last, ".");
}

}  // namespace

std::unique_ptr<Pattern> make_pattern(const PatternOptions& options) {
  const PatternEntry& entry = find_pattern(options.pattern);
  require(options.granularity >= 0, "[prune] granularity must be at least 1; got ",
          options.granularity, ".");
  require(options.min_keep >= 1, "[prune] min_keep must be at least 1; got ", options.min_keep,
          ".");
  check_apriori("columns", options.apriori.columns);
  check_apriori("rows", options.apriori.rows);
  return entry.make(options);
}

std::vector<std::string> pattern_names() {
  std::vector<std::string> names;
  for (const PatternEntry& entry : kPatterns) names.push_back(entry.name);
  return names;
}

int64_t granularity_of(const PatternOptions& options) {
  return options.granularity != 0 ? options.granularity : find_pattern(options.pattern).granularity;
}

void require_reachable(const PatternOptions& options, double sparsity) {
  const auto pattern = make_pattern(options);
  if (options.variant == "reference") return;  // meets any sparsity roughly
  const double nearest = pattern->nearest_sparsity(sparsity);
  require(std::abs(nearest - sparsity) <= kSparsityTolerance, "[prune] the sparsity of ",
          options.pattern, " must be one that it can have, ", pattern->reachable(), "; got ",
          sparsity, ". The nearest is ", nearest, ".");
}

PatternOptions pattern_options(const PruneConfig& config) {
  const auto shares = [](const AprioriSharesConfig& c) { return AprioriShares{c.top, c.last}; };
  return {
      .pattern = config.pattern,
      .variant = config.variant,
      .scope = config.scope,
      .granularity = config.granularity,
      .split = config.split,
      .delta = config.delta,
      .k_multiple = config.k_multiple,
      .balanced = config.balanced,
      .min_keep = config.min_keep,
      .normalize = config.score.normalize,
      .apriori = {.columns = shares(config.apriori.columns), .rows = shares(config.apriori.rows)}};
}

double mask_sparsity(const std::vector<Tensor>& masks) {
  int64_t zeros = 0;
  int64_t total = 0;
  for (const Tensor& mask : masks) {
    zeros += std::count(mask.data<uint8_t>(), mask.data<uint8_t>() + mask.numel(), uint8_t{0});
    total += mask.numel();
  }
  return total == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(total);
}

}  // namespace tessera

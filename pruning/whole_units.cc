#include "pruning/whole_units.h"

#include <algorithm>
#include <limits>
#include <map>

#include "pruning/ranking.h"

namespace tessera {

namespace {

/// Units that layers share: unit i is range i of each part.
struct UnitSet {
  struct Part {
    size_t layer;
    UnitAxis axis;
    int64_t section;
  };
  int64_t count = 0;
  std::vector<Part> parts = {};
};

Rectangle range_of(std::span<const LayerMatrix> layers, const UnitSet::Part& part, int64_t unit) {
  const LayerMatrix& layer = layers[part.layer];
  const UnitAxis& axis = part.axis;
  const bool by_outputs = axis.axis == UnitAxis::Axis::outputs;
  const int64_t extent = by_outputs ? layer.outputs : layer.inputs;
  const int64_t length = extent / (axis.sections * axis.count);
  const int64_t begin = (part.section * axis.count + unit) * length;
  if (by_outputs) return {begin, begin + length, 0, layer.inputs};
  return {0, layer.outputs, begin, begin + length};
}

void add_part(UnitSet& set, const LayerMatrix& layer, size_t i, const UnitAxis& axis) {
  const bool by_outputs = axis.axis == UnitAxis::Axis::outputs;
  const int64_t extent = by_outputs ? layer.outputs : layer.inputs;
  const int64_t ranges = axis.count * axis.sections;
  require(axis.count >= 1 && axis.sections >= 1 && extent % ranges == 0, "[prune] the units '",
          axis.set, "' of ", layer.name, " must divide its ", by_outputs ? "outputs" : "inputs",
          "; got ", ranges, " for ", extent, ".");
  require(set.parts.empty() || set.count == axis.count,
          "[prune] all layers must declare as many "
          "units '",
          axis.set, "'; got ", set.count, " and, for ", layer.name, ", ", axis.count, ".");
  set.count = axis.count;
  for (int64_t section = 0; section < axis.sections; ++section)
    set.parts.push_back({i, axis, section});
}

/// Those declared, in the order of their names, then those of layers that declare none.
std::vector<UnitSet> unit_sets(std::span<const LayerMatrix> layers) {
  std::map<std::string, UnitSet> declared;
  std::vector<UnitSet> own;
  for (size_t i = 0; i < layers.size(); ++i) {
    for (const UnitAxis& axis : layers[i].units) add_part(declared[axis.set], layers[i], i, axis);
    if (layers[i].units.empty() && layers[i].outputs > 0)
      add_part(own.emplace_back(), layers[i], i, {"", UnitAxis::Axis::outputs, layers[i].outputs});
  }
  std::vector<UnitSet> all;
  for (auto& [name, set] : declared) all.push_back(std::move(set));
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

}  // namespace

int64_t WholeUnits::largest_unit(std::span<const LayerMatrix> layers) const {
  int64_t largest = 1;
  for (const UnitSet& set : unit_sets(layers)) {
    int64_t size = 0;
    for (const UnitSet::Part& part : set.parts) size += range_of(layers, part, 0).size();
    largest = std::max(largest, size);
  }
  return largest;
}

void WholeUnits::prune(int64_t zeros, std::span<const LayerMatrix> layers) const {
  const std::vector<UnitSet> sets = unit_sets(layers);
  std::vector<Unit> units;
  int64_t all = 0;
  for (size_t s = 0; s < sets.size(); ++s) {
    all += sets[s].count;
    for (int64_t i = 0; i < sets[s].count; ++i) {
      Tally sum;
      int64_t size = 0;
      for (const UnitSet::Part& part : sets[s].parts) {
        const Rectangle range = range_of(layers, part, i);
        const Tally of_range = tally(layers[part.layer], range);
        sum.score += of_range.score;
        sum.kept += of_range.kept;
        sum.kept_by_ew += of_range.kept_by_ew;
        size += range.size();
      }
      if (sum.kept != 0) units.push_back(make_unit(static_cast<int64_t>(s), i, sum, size));
    }
  }
  assign_tiers(units, all, apriori_);
  units = lowest_units(std::move(units), std::numeric_limits<int64_t>::max(), min_keep_);
  std::sort(units.begin(), units.end(), goes_before);

  // Units of different sets can share weights, so what each one costs is counted when it goes.
  int64_t left = zeros - count_zeros(layers);
  for (const Unit& unit : units) {
    const auto& parts = sets[static_cast<size_t>(unit.layer)].parts;
    int64_t cost = 0;
    for (const UnitSet::Part& part : parts)
      cost += count_kept(layers[part.layer], range_of(layers, part, unit.index));
    if (cost - left >= left) break;
    for (const UnitSet::Part& part : parts)
      clear(layers[part.layer], range_of(layers, part, unit.index));
    left -= cost;
  }
}

}  // namespace tessera

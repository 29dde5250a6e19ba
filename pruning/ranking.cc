#include "pruning/ranking.h"

#include <algorithm>
#include <tuple>

namespace tessera {

namespace {

/// Moves the best `min_keep` units of each layer out of `units`.
void drop_best(std::vector<Unit>& units, int64_t min_keep) {
  if (min_keep <= 0) return;
  std::vector<std::vector<Unit>> best;  // per layer, a heap with its lowest unit in front
  const auto lowest_in_front = [](const Unit& a, const Unit& b) { return goes_before(b, a); };
  size_t count = 0;
  for (Unit unit : units) {
    const size_t layer = static_cast<size_t>(unit.layer);
    if (layer >= best.size()) best.resize(layer + 1);
    std::vector<Unit>& heap = best[layer];
    if (static_cast<int64_t>(heap.size()) < min_keep) {
      heap.push_back(unit);
      std::push_heap(heap.begin(), heap.end(), lowest_in_front);
      continue;
    }
    if (goes_before(heap.front(), unit)) {
      std::pop_heap(heap.begin(), heap.end(), lowest_in_front);
      std::swap(heap.back(), unit);
      std::push_heap(heap.begin(), heap.end(), lowest_in_front);
    }
    units[count++] = unit;
  }
  units.resize(count);
}

}  // namespace

bool goes_before(const Unit& a, const Unit& b) {
  return std::tie(a.tier, a.score, a.layer, a.index) < std::tie(b.tier, b.score, b.layer, b.index);
}

Unit make_unit(int64_t layer, int64_t index, const Tally& tally, int64_t size) {
  const double weights = static_cast<double>(size),
               kept_by_ew = static_cast<double>(tally.kept_by_ew);
  return {
      .score = tally.score / weights,
      .cost = tally.kept,
      .index = index,
      .layer = static_cast<int32_t>(layer),
      .ew_share = static_cast<float>(kept_by_ew / std::max(1.0, static_cast<double>(tally.kept))),
      .ew_fill = static_cast<float>(kept_by_ew / weights)};
}

std::vector<Unit> lowest_units(std::vector<Unit> units, int64_t target, int64_t min_keep) {
  drop_best(units, min_keep);
  // Quickselect on the sum of the costs: [0, low) fits, [high, end) does not.
  int64_t sum = 0;
  auto low = units.begin(), high = units.end();
  while (low != high) {
    const auto middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, goes_before);
    int64_t cost = 0;
    for (auto unit = low; unit <= middle; ++unit) cost += unit->cost;
    if (sum + cost <= target) {
      sum += cost;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  // Now the unit at `low` is the next one.
  if (low != units.end() && sum + low->cost - target < target - sum) ++low;
  units.erase(low, units.end());
  return units;
}

}  // namespace tessera

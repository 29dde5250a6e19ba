#include "pruning/ranking.h"

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>

namespace tessera {

namespace {

/// Sorted units without the last one of each layer.
std::vector<Unit> without_best(const std::vector<Unit>& sorted) {
  std::vector<size_t> best;  // per layer
  for (size_t i = 0; i < sorted.size(); ++i) {
    const size_t layer = static_cast<size_t>(sorted[i].layer);
    if (layer >= best.size()) best.resize(layer + 1, 0);
    best[layer] = i;
  }
  std::vector<Unit> out;
  out.reserve(sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i)
    if (best[static_cast<size_t>(sorted[i].layer)] != i) out.push_back(sorted[i]);
  return out;
}

/// Bits that order like the floats: -inf < ... < -0 = 0 < ... < inf.
uint32_t ordered_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

/// Calls visit(layer, element, ordered score) for each kept weight, in order.
template <class Visit>
void for_each_kept(std::span<const LayerMatrix> layers, const Visit& visit) {
  for (size_t i = 0; i < layers.size(); ++i)
    for (int64_t e = 0; e < layers[i].numel(); ++e)
      if (layers[i].mask[e] != 0) visit(i, e, ordered_bits(layers[i].scores[e]));
}

/// The bin in which the running sum passes `rank`; `rank` becomes the rank inside that bin.
uint32_t bin_of_rank(const std::vector<int64_t>& histogram, int64_t& rank) {
  uint32_t bin = 0;
  while (rank >= histogram[bin]) rank -= histogram[bin++];
  return bin;
}

}  // namespace

std::vector<Unit> lowest_units(std::vector<Unit> units, int64_t target) {
  std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
    return std::tie(a.score, a.layer, a.index) < std::tie(b.score, b.layer, b.index);
  });
  units = without_best(units);
  int64_t sum = 0;
  size_t count = 0;
  while (count < units.size() && sum + units[count].cost <= target) sum += units[count++].cost;
  if (count < units.size() && sum + units[count].cost - target < target - sum) ++count;
  units.resize(count);
  return units;
}

void prune_lowest_weights(int64_t count, std::span<const LayerMatrix> layers) {
  constexpr int kHalf = 16;  // bits a pass: two passes over the scores find the exact threshold
  constexpr size_t kBins = size_t{1} << kHalf;

  struct Best {
    int64_t element = -1;
    uint32_t score = 0;
  };
  std::vector<Best> best(layers.size());
  std::vector<int64_t> high(kBins, 0);
  int64_t kept = 0;
  for_each_kept(layers, [&](size_t layer, int64_t element, uint32_t score) {
    if (best[layer].element < 0 || score >= best[layer].score) best[layer] = {element, score};
    ++high[score >> kHalf];
    ++kept;
  });
  for (const Best& b : best)
    if (b.element >= 0) {
      --high[b.score >> kHalf];
      --kept;
    }
  count = std::min(count, kept);
  if (count <= 0) return;

  const auto is_protected = [&](size_t layer, int64_t element) {
    return best[layer].element == element;
  };
  int64_t rank = count - 1;
  const uint32_t high_bits = bin_of_rank(high, rank);
  std::vector<int64_t> low(kBins, 0);
  for_each_kept(layers, [&](size_t layer, int64_t element, uint32_t score) {
    if (score >> kHalf == high_bits && !is_protected(layer, element)) ++low[score & (kBins - 1)];
  });
  const uint32_t threshold = high_bits << kHalf | bin_of_rank(low, rank);

  int64_t ties = rank + 1;  // weights with exactly the threshold's score that still have to go
  for_each_kept(layers, [&](size_t layer, int64_t element, uint32_t score) {
    if (score > threshold || is_protected(layer, element)) return;
    if (score == threshold && ties-- <= 0) return;
    layers[layer].mask[element] = 0;
  });
}

}  // namespace tessera

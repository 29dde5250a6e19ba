// prune_lowest_weights: the threshold by two passes of counting, so that no list of weights is
// made.
#include <algorithm>
#include <bit>

#include "framework/backend/cpu.h"
#include "pruning/ranking.h"

namespace tessera {

namespace {

constexpr int kHalf = 16;  // bits a pass
constexpr size_t kBins = size_t{1} << kHalf;
constexpr int64_t kWeightsOfThread = 1 << 16;  // below, starting it costs more

using Layers = std::span<const LayerMatrix>;
using Histogram = std::vector<int64_t>;

/// Bits that order like the scaled scores: -inf < ... < -0 = 0 < ... < inf.
uint32_t ordered_bits(const LayerMatrix& layer, int64_t element) {
  const float value = static_cast<float>(layer.scores[element] * layer.scale) + 0.0f;
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

/// Counts bin(score) of the kept weights; bins of kBins and more are left out.
template <class Bin>
Histogram count_bins(Layers layers, const Bin& bin) {
  std::vector<Histogram> counts(static_cast<size_t>(cpu().threads()), Histogram(kBins, 0));
  for (const LayerMatrix& layer : layers)
    cpu().parallel_ranges(layer.numel(), kWeightsOfThread,
                          [&](int64_t begin, int64_t end, int64_t range) {
                            Histogram& mine = counts[static_cast<size_t>(range)];
                            for (int64_t e = begin; e < end; ++e) {
                              if (layer.mask[e] == 0) continue;
                              const size_t at = bin(ordered_bits(layer, e));
                              if (at < kBins) ++mine[at];
                            }
                          });
  for (size_t range = 1; range < counts.size(); ++range)
    for (size_t i = 0; i < kBins; ++i) counts[0][i] += counts[range][i];
  return counts[0];
}

/// The bin in which the running sum passes `rank`; `rank` becomes the rank inside that bin.
uint32_t bin_of_rank(const Histogram& histogram, int64_t& rank) {
  uint32_t bin = 0;
  while (rank >= histogram[bin]) rank -= histogram[bin++];
  return bin;
}

/// All weights below `score` go, and the first `ties` of those that have it.
struct Threshold {
  uint32_t score = 0;
  int64_t ties = 0;
};

/// REQUIRES: 1 <= count <= kept weights.
Threshold find_threshold(int64_t count, Layers layers) {
  int64_t rank = count - 1;
  const uint32_t high =
      bin_of_rank(count_bins(layers, [](uint32_t bits) { return bits >> kHalf; }), rank);
  const uint32_t low = bin_of_rank(
      count_bins(
          layers,
          [high](uint32_t bits) { return bits >> kHalf == high ? bits & (kBins - 1) : kBins; }),
      rank);
  return {high << kHalf | low, rank + 1};
}

/// Kept weights of a layer that the threshold would leave; takes the layer's ties off it.
int64_t count_survivors(const LayerMatrix& layer, Threshold& threshold) {
  std::vector<int64_t> above(static_cast<size_t>(cpu().threads()), 0);
  std::vector<int64_t> equal(above);
  cpu().parallel_ranges(
      layer.numel(), kWeightsOfThread, [&](int64_t begin, int64_t end, int64_t range) {
        int64_t num_above = 0, num_equal = 0;
        for (int64_t e = begin; e < end; ++e) {
          const uint32_t bits = ordered_bits(layer, e);
          num_above += layer.mask[e] & static_cast<uint8_t>(bits > threshold.score);
          num_equal += layer.mask[e] & static_cast<uint8_t>(bits == threshold.score);
        }
        above[static_cast<size_t>(range)] += num_above;
        equal[static_cast<size_t>(range)] += num_equal;
      });
  int64_t survivors = 0, ties = 0;
  for (size_t range = 0; range < above.size(); ++range) {
    survivors += above[range];
    ties += equal[range];
  }
  const int64_t pruned_ties = std::min(ties, threshold.ties);
  threshold.ties -= pruned_ties;
  return survivors + ties - pruned_ties;
}

void apply_threshold(const Threshold& threshold, Layers layers) {
  int64_t ties = threshold.ties;
  for (const LayerMatrix& layer : layers) {
    cpu().parallel_for(layer.numel(), kWeightsOfThread, [&](int64_t begin, int64_t end) {
      for (int64_t e = begin; e < end; ++e)
        layer.mask[e] &= static_cast<uint8_t>(ordered_bits(layer, e) >= threshold.score);
    });
    for (int64_t e = 0; ties > 0 && e < layer.numel(); ++e)
      if (layer.mask[e] != 0 && ordered_bits(layer, e) == threshold.score) {
        layer.mask[e] = 0;
        --ties;
      }
  }
}

int64_t count_kept(Layers layers) { return count_weights(layers) - count_zeros(layers); }

}  // namespace

void prune_lowest_weights(int64_t count, Layers layers, int64_t min_keep) {
  std::vector<LayerMatrix> ranked(layers.begin(), layers.end());
  // A layer that the threshold would leave less than min_keep is pruned to that by itself, and the
  // others make up for it.
  for (bool is_settled = false; !is_settled;) {
    is_settled = true;
    const int64_t kept = count_kept(ranked);
    count = std::min(count, kept);
    if (count <= 0) return;
    const Threshold threshold = find_threshold(count, ranked);
    Threshold rest = threshold;
    std::vector<LayerMatrix> fed;
    for (const LayerMatrix& layer : ranked) {
      const int64_t survivors = count_survivors(layer, rest);
      if (survivors >= min_keep) {
        fed.push_back(layer);
        continue;
      }
      const int64_t surplus = std::max<int64_t>(count_kept({&layer, 1}) - min_keep, 0);
      prune_lowest_weights(surplus, {&layer, 1}, 0);
      count -= surplus;
      is_settled = false;
    }
    if (is_settled) apply_threshold(threshold, ranked);
    ranked = std::move(fed);
  }
}

}  // namespace tessera

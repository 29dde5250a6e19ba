// Telling the tiles of a mask from the single weights beside them.
#include <algorithm>
#include <cstdint>

#include "framework/sparse/masked_weight.h"
#include "framework/sparse/pack.h"

namespace tessera {
namespace {

/// Thresholds tried in the first round: enough to fall on both sides of the gap between outputs
/// that tiles hold and outputs with single weights alone; a second round tries all in between.
constexpr size_t kCoarse = 48;

using Outputs = std::vector<std::vector<int32_t>>;

class Split {
 public:
  Split(const MaskedWeight& w, int64_t granularity, int64_t groups)
      : w_(w), granularity_(granularity), groups_(groups) {
    for (int64_t n = 0; n < w.outputs; ++n) kept_.push_back(w.kept_by(n));
  }

  /// The tiles' outputs for which the product costs least.
  Outputs best_tiles() const {
    std::vector<int64_t> counts = kept_;
    std::sort(counts.begin(), counts.end());
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    counts.push_back(w_.inputs + 1);  // no tiles
    const size_t step = std::max<size_t>(1, counts.size() / kCoarse);
    const size_t coarse = cheapest(counts, 0, counts.size(), step);
    const size_t begin = coarse < step ? 0 : coarse - step;
    const size_t best = cheapest(counts, begin, std::min(counts.size(), coarse + step + 1), 1);
    return tiles_above(counts[best]);
  }

  /// The rows of a tile that enough of its outputs keep.
  std::vector<int32_t> rows_of(const std::vector<int32_t>& tile) const {
    const std::vector<int32_t> counts = row_counts(tile);
    std::vector<int32_t> rows;
    for (int64_t k = 0; k < w_.inputs; ++k)
      if (belongs(counts[static_cast<size_t>(k)], tile)) rows.push_back(static_cast<int32_t>(k));
    return rows;
  }

 private:
  static bool belongs(int64_t count, const std::vector<int32_t>& tile) {
    return count * kSingleWeightCost > static_cast<int64_t>(tile.size());
  }

  /// How many of the tile's outputs keep each row.
  std::vector<int32_t> row_counts(const std::vector<int32_t>& tile) const {
    std::vector<int32_t> counts(static_cast<size_t>(w_.inputs), 0);
    for (const int32_t n : tile)
      for (int64_t k = 0; k < w_.inputs; ++k) counts[static_cast<size_t>(k)] += w_.keeps(n, k);
    return counts;
  }

  Outputs tiles_above(int64_t threshold) const {
    const auto lists = outputs_by_group(w_, groups_, [&](int64_t n) {
      const int64_t kept = kept_[static_cast<size_t>(n)];
      return kept > 0 && kept >= threshold;
    });
    return cut_tiles(lists, granularity_);
  }

  /// Of the product, in weights of a tile.
  int64_t cost(int64_t threshold) const {
    int64_t cost = 0;
    for (int64_t n = 0; n < w_.outputs; ++n)
      if (kept_[static_cast<size_t>(n)] < threshold)
        cost += kept_[static_cast<size_t>(n)] * kSingleWeightCost;
    for (const auto& tile : tiles_above(threshold))
      for (const int64_t count : row_counts(tile))
        cost +=
            belongs(count, tile) ? static_cast<int64_t>(tile.size()) : count * kSingleWeightCost;
    return cost;
  }

  /// The index, among begin, begin + step ... below end, of the cheapest threshold.
  size_t cheapest(const std::vector<int64_t>& thresholds, size_t begin, size_t end,
                  size_t step) const {
    size_t best = begin;
    int64_t least = INT64_MAX;
    for (size_t i = begin; i < end; i += step)
      if (const int64_t c = cost(thresholds[i]); c < least) {
        least = c;
        best = i;
      }
    return best;
  }

  const MaskedWeight& w_;
  int64_t granularity_, groups_;
  std::vector<int64_t> kept_;  // by output
};

}  // namespace

TileMatrix pack_with_singles(const Tensor& weight, const Tensor& mask, int64_t granularity,
                             int64_t groups) {
  const MaskedWeight w(weight, mask);
  check_packing(w, granularity, groups);
  if (!mask.defined()) return pack(weight, mask, granularity, groups);
  const Split split(w, granularity, groups);
  TileMatrix out;
  out.shape = weight.shape();
  out.granularity = granularity;
  Tensor outside = mask.clone();
  for (const auto& tile : split.best_tiles()) {
    const std::vector<int32_t> rows = split.rows_of(tile);
    if (rows.empty()) continue;
    append_tile(w, tile, rows, out);
    for (const int32_t n : tile)
      for (const int32_t k : rows) outside.data<uint8_t>()[n * w.inputs + k] = 0;
  }
  TileMatrix singles = pack_remainder(weight, outside);
  out.tew_row = std::move(singles.tew_row);
  out.tew_col = std::move(singles.tew_col);
  out.tew_values = std::move(singles.tew_values);
  return out;
}

}  // namespace tessera

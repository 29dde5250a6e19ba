#include "pruning/block_wise.h"

#include <algorithm>

#include "framework/backend/cpu.h"
#include "pruning/apriori.h"
#include "pruning/ranking.h"

namespace tessera {

namespace {

/// The blocks of a layer, counted along the inputs first.
struct BlockGrid {
  BlockGrid(const LayerMatrix& layer, int64_t block)
      : block_size(block),
        group_size(layer.outputs / layer.groups),
        inputs(layer.inputs),
        per_group((group_size + block - 1) / block),
        per_output((layer.inputs + block - 1) / block),
        count(layer.groups * per_group * per_output) {}

  Rectangle at(int64_t index) const {
    const int64_t stripe = index / per_output, group = stripe / per_group;
    const int64_t n = group * group_size + stripe % per_group * block_size;
    const int64_t k = index % per_output * block_size;
    return {n, std::min(n + block_size, (group + 1) * group_size), k,
            std::min(k + block_size, inputs)};
  }

  int64_t block_size, group_size, inputs, per_group, per_output, count;
};

/// Those with weights left.
std::vector<Unit> list_blocks(int64_t i, const LayerMatrix& layer, const BlockGrid& grid) {
  std::vector<Unit> units(static_cast<size_t>(grid.count));
  cpu().parallel_for(grid.count, 64, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      units[static_cast<size_t>(b)] = make_unit(i, b, tally(layer, grid.at(b)), grid.at(b).size());
  });
  std::erase_if(units, [](const Unit& unit) { return unit.cost == 0; });
  return units;
}

}  // namespace

BlockWise::BlockWise(const PatternOptions& options)
    : size_(granularity_of(options)), min_keep_(options.min_keep), apriori_(options.apriori.rows) {}

int64_t BlockWise::largest_unit(std::span<const LayerMatrix> layers) const {
  int64_t largest = 1;
  for (const LayerMatrix& layer : layers)
    largest = std::max(
        largest, std::min(size_, layer.outputs / layer.groups) * std::min(size_, layer.inputs));
  return largest;
}

void BlockWise::prune(int64_t zeros, std::span<const LayerMatrix> layers) const {
  std::vector<Unit> units;
  int64_t all = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const BlockGrid grid(layers[i], size_);
    const auto blocks = list_blocks(static_cast<int64_t>(i), layers[i], grid);
    units.insert(units.end(), blocks.begin(), blocks.end());
    all += grid.count;
  }
  assign_tiers(units, all, apriori_);
  for (const Unit& unit : lowest_units(std::move(units), zeros - count_zeros(layers), min_keep_)) {
    const LayerMatrix& layer = layers[static_cast<size_t>(unit.layer)];
    clear(layer, BlockGrid(layer, size_).at(unit.index));
  }
}

}  // namespace tessera

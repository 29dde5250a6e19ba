#include "pruning/bounds.h"

#include <algorithm>

namespace tessera {

namespace {

struct BoundedLayer {
  LayerMatrix matrix;
  ZeroBounds bounds;
  int64_t unit;                      ///< the pattern's largest: a miss of less is none
  std::vector<uint8_t> before = {};  ///< its mask, to start again from

  int64_t zeros() const { return count_zeros({&matrix, 1}); }
  int64_t excess() const { return std::max<int64_t>(zeros() - bounds.most - unit, 0); }
  int64_t lack() const { return std::max<int64_t>(bounds.least - zeros() - unit, 0); }
};

std::vector<LayerMatrix> matrices_of(const std::vector<BoundedLayer>& layers) {
  std::vector<LayerMatrix> matrices;
  for (const BoundedLayer& layer : layers) matrices.push_back(layer.matrix);
  return matrices;
}

}  // namespace

void set_bounds(const std::vector<LayerBound>& bounds, std::vector<LayerScores>& layers,
                double share) {
  for (auto bound = bounds.rbegin(); bound != bounds.rend(); ++bound) {
    bool any = false;
    for (LayerScores& layer : layers) {
      if (!std::regex_search(layer.name, bound->regex)) continue;
      layer.min_sparsity = bound->least * share;
      layer.max_sparsity = bound->most;
      any = true;
    }
    require(any,
            "[bounds] the regular expression of a bound must be found in the name of a layer "
            "that is pruned; got '",
            bound->text, "' and ", layers.size(), " layers, ",
            layers.empty() ? "" : layers.front().name, " the first.");
  }
}

void prune_within(const std::vector<ZeroBounds>& bounds, const Pattern& pattern, int64_t zeros,
                  std::span<const LayerMatrix> layers) {
  std::vector<BoundedLayer> free;
  bool any = false;
  for (size_t i = 0; i < layers.size(); ++i) {
    free.push_back({layers[i], bounds[i], pattern.largest_unit({&layers[i], 1})});
    any |= bounds[i].least > 0 || bounds[i].most < layers[i].numel();
  }
  if (!any) return pattern.prune(zeros, layers);

  for (BoundedLayer& layer : free)
    layer.before.assign(layer.matrix.mask, layer.matrix.mask + layer.matrix.numel());
  while (!free.empty()) {
    const std::vector<LayerMatrix> matrices = matrices_of(free);
    if (zeros > count_zeros(matrices)) pattern.prune(zeros, matrices);
    int64_t excess = 0, lack = 0;
    for (const BoundedLayer& layer : free) {
      excess += layer.excess();
      lack += layer.lack();
    }
    if (excess == 0 && lack == 0) return;
    std::vector<BoundedLayer> rest;
    for (BoundedLayer& layer : free) {
      const bool breaks = excess >= lack ? layer.excess() > 0 : layer.lack() > 0;
      std::copy(layer.before.begin(), layer.before.end(), layer.matrix.mask);
      if (!breaks) {
        rest.push_back(std::move(layer));
        continue;
      }
      const int64_t bound = excess >= lack ? layer.bounds.most : layer.bounds.least;
      if (bound > layer.zeros()) pattern.prune(bound, {&layer.matrix, 1});
      zeros -= layer.zeros();
    }
    free = std::move(rest);
  }
}

}  // namespace tessera

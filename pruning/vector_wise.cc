#include "pruning/vector_wise.h"

#include <algorithm>
#include <cmath>

#include "framework/backend/cpu.h"
#include "pruning/ranking.h"

namespace tessera {

namespace {

constexpr int64_t kOutputsOfThread = 64;

/// Clears the lowest kept weights of elements [begin, end), the earlier of equal ones first, until
/// `quota` are left. `order` is scratch. Returns the lowest weight left, -1 for fewer than `quota`.
int64_t prune_vector(const LayerMatrix& layer, int64_t begin, int64_t end, int64_t quota,
                     std::vector<int64_t>& order) {
  order.clear();
  for (int64_t e = begin; e < end; ++e)
    if (layer.mask[e] != 0) order.push_back(e);
  const auto is_lower = [&](int64_t a, int64_t b) {
    return layer.scores[a] < layer.scores[b] || (layer.scores[a] == layer.scores[b] && a < b);
  };
  const int64_t surplus = std::max<int64_t>(static_cast<int64_t>(order.size()) - quota, 0);
  const auto left = order.begin() + surplus;
  std::nth_element(order.begin(), left, order.end(), is_lower);
  std::for_each(order.begin(), left, [&](int64_t e) { layer.mask[e] = 0; });
  return left == order.end() || order.end() - left < quota ? -1 : *left;
}

/// What a last vector of `size` inputs keeps.
struct Remainder {
  Remainder(int64_t size, int64_t kept, int64_t length)
      : least(size * kept / length), most((size * kept + length - 1) / length) {}
  int64_t least, most;
};

}  // namespace

double VectorWise::nearest_sparsity(double sparsity) const {
  const double length = static_cast<double>(length_);
  if (only_kept_ != 0) {
    const double only = 1 - static_cast<double>(only_kept_) / length;
    return sparsity < only / 2 ? 0 : only;
  }
  return std::min(std::round(sparsity * length), length - 1) / length;
}

std::string VectorWise::reachable() const {
  return only_kept_ != 0 ? concat("exactly ", nearest_sparsity(1))
                         : concat("multiples of 1/", length_, " below 1");
}

void VectorWise::prune(int64_t zeros, std::span<const LayerMatrix> layers) const {
  const double share = static_cast<double>(zeros) / static_cast<double>(count_weights(layers));
  const int64_t kept =
      length_ - std::llround(nearest_sparsity(share) * static_cast<double>(length_));

  std::vector<Unit> remainders;  // the lowest weight of each last vector that may lose one more
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerMatrix& layer = layers[i];
    const int64_t whole = layer.inputs / length_ * length_;
    const Remainder last(layer.inputs - whole, kept, length_);
    std::vector<int64_t> lowest(static_cast<size_t>(layer.outputs), -1);
    cpu().parallel_for(layer.outputs, kOutputsOfThread, [&](int64_t begin, int64_t end) {
      std::vector<int64_t> order;
      for (int64_t n = begin; n < end; ++n) {
        const int64_t row = n * layer.inputs;
        for (int64_t k = 0; k < whole; k += length_)
          prune_vector(layer, row + k, row + k + length_, kept, order);
        lowest[static_cast<size_t>(n)] =
            prune_vector(layer, row + whole, row + layer.inputs, last.most, order);
      }
    });
    if (last.least == last.most) continue;
    const size_t first = remainders.size();
    for (const int64_t e : lowest)
      if (e >= 0)
        remainders.push_back({layer.scores[e] * layer.scale, 1, e, static_cast<int32_t>(i)});
    // A layer of nothing but remainders that may all go empty keeps its best one.
    if (whole == 0 && last.least == 0 && first < remainders.size())
      remainders.erase(
          std::max_element(remainders.begin() + static_cast<int64_t>(first), remainders.end(),
                           [](const Unit& a, const Unit& b) { return a.score < b.score; }));
  }
  for (const Unit& unit : lowest_units(std::move(remainders), zeros - count_zeros(layers), 0))
    layers[static_cast<size_t>(unit.layer)].mask[unit.index] = 0;
}

}  // namespace tessera

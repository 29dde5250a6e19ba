#include "pruning/apriori.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "pruning/ranking.h"

namespace tessera {

void assign_tiers(std::vector<Unit>& units, const AprioriShares& shares) {
  if (!shares.any()) return;
  const auto is_emptier = [&](size_t i, size_t j) {
    const Unit &a = units[i], &b = units[j];
    return std::tie(a.ew_fill, a.score, a.layer, a.index) <
           std::tie(b.ew_fill, b.score, b.layer, b.index);
  };
  const double count = static_cast<double>(units.size());
  std::vector<size_t> order(units.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto top = order.begin() + std::llround(shares.top * count);
  const auto last = std::max(top, order.end() - std::llround(shares.last * count));
  std::nth_element(order.begin(), top, order.end(), is_emptier);
  std::nth_element(top, last, order.end(), is_emptier);
  for (auto i = order.begin(); i != top; ++i) units[*i].tier = -1;
  for (auto i = last; i != order.end(); ++i) units[*i].tier = 1;
}

}  // namespace tessera

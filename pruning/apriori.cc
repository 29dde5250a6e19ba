#include "pruning/apriori.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "pruning/ranking.h"

namespace tessera {

void assign_tiers(std::vector<Unit>& units, int64_t all, const AprioriShares& shares) {
  if (!shares.any()) return;
  const auto by = [&](float Unit::*share) {
    return [&units, share](size_t i, size_t j) {
      const Unit &a = units[i], &b = units[j];
      return std::tie(a.*share, a.score, a.layer, a.index) <
             std::tie(b.*share, b.score, b.layer, b.index);
    };
  };
  const int64_t count = static_cast<int64_t>(units.size());
  const auto number = [&](double share) {
    return static_cast<int64_t>(std::llround(share * static_cast<double>(all)));
  };
  const int64_t num_first = std::clamp<int64_t>(number(shares.top) - (all - count), 0, count);
  const int64_t num_last = std::min(number(shares.last), count - num_first);
  std::vector<size_t> order(units.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto first = order.begin() + num_first, last = order.end() - num_last;
  std::nth_element(order.begin(), first, order.end(), by(&Unit::ew_share));
  std::nth_element(first, last, order.end(), by(&Unit::ew_fill));
  for (auto i = order.begin(); i != first; ++i) units[*i].tier = -1;
  for (auto i = last; i != order.end(); ++i) units[*i].tier = 1;
}

}  // namespace tessera

#include "framework/infer/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace tessera {

std::vector<double> race(const std::vector<std::function<void()>>& contestants, int rounds) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> best(contestants.size(), std::numeric_limits<double>::infinity());
  for (const auto& contestant : contestants) contestant();
  for (int round = 0; round < rounds; ++round)
    for (size_t i = 0; i < contestants.size(); ++i) {
      const auto start = Clock::now();
      contestants[i]();
      const std::chrono::duration<double, std::milli> took = Clock::now() - start;
      best[i] = std::min(best[i], took.count());
    }
  return best;
}

}  // namespace tessera

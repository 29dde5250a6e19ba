#include "framework/infer/stopwatch.h"

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <limits>
#include <sstream>

namespace tessera {

std::vector<double> race(const std::vector<std::function<void()>>& contestants, double budget_ms) {
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::duration<double, std::milli>;
  constexpr int kMinRounds = 3, kMaxRounds = 25;
  std::vector<double> best(contestants.size(), std::numeric_limits<double>::infinity());
  for (const auto& contestant : contestants) contestant();
  const auto begin = Clock::now();
  for (int round = 0; round < kMaxRounds; ++round) {
    if (round >= kMinRounds && Milliseconds(Clock::now() - begin).count() > budget_ms) break;
    for (size_t i = 0; i < contestants.size(); ++i) {
      const auto start = Clock::now();
      contestants[i]();
      best[i] = std::min(best[i], Milliseconds(Clock::now() - start).count());
    }
  }
  return best;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string milliseconds(double ms) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(ms < 1 ? 3 : 2) << ms << " ms";
  return out.str();
}

}  // namespace tessera

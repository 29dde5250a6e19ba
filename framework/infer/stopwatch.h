// Timing of contestants in turns.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace tessera {

/// Milliseconds of each function: the fastest of 3 to 25 rounds in which all take turns, after one
/// that warms up. The machine's drift meets all alike; the minimum drops what others cost us, and
/// short functions, which that costs most, get more rounds. `budget_ms`: of all rounds together.
std::vector<double> race(const std::vector<std::function<void()>>& contestants,
                         double budget_ms = 60);

/// The upper of two middle ones.  REQUIRES: some values.
double median(std::vector<double> values);

/// Below this ratio to the other time a plan's dense product is taken. Above it the tiles win: they
/// hold fewer weights, and the choice does not flicker from run to run.
inline constexpr double kClearlyFaster = 0.95;

/// "0.123 ms", "12.34 ms".
std::string milliseconds(double ms);

}  // namespace tessera

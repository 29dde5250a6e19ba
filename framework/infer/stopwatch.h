// Timing of contestants in turns.
#pragma once

#include <functional>
#include <vector>

namespace tessera {

/// Milliseconds of each function: the fastest of 3 to 25 rounds in which all take turns, after one
/// that warms up. The machine's drift meets all alike; the minimum drops what others cost us, and
/// short functions, which that costs most, get more rounds. `budget_ms`: of all rounds together.
std::vector<double> race(const std::vector<std::function<void()>>& contestants,
                         double budget_ms = 60);

}  // namespace tessera

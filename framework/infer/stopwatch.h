// Timing of contestants in turns.
#pragma once

#include <functional>
#include <vector>

namespace tessera {

/// Milliseconds of each function: the fastest of several rounds in which all take turns, after one
/// that warms up. The machine's drift meets all alike; the minimum drops what others cost us.
std::vector<double> race(const std::vector<std::function<void()>>& contestants, int rounds = 3);

}  // namespace tessera

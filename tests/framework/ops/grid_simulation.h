// Runs the index arithmetic of a CUDA kernel on the CPU, for every thread of a launch.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "framework/ops/grid_index.h"

namespace tessera::testing {

struct Launch {
  int64_t blocks, threads;
};

/// Launches as kernels have them: one block, some blocks, more threads than there is work.
inline const std::vector<Launch> kLaunches{{1, 256}, {3, 256}, {64, 256}};

/// Calls f(thread) for every thread.
template <class F>
void for_threads(const Launch& launch, F f) {
  const int64_t count = launch.blocks * launch.threads;
  for (int64_t i = 0; i < count; ++i) f(GridThread{i, count});
}

/// REQUIRE for what is asked of every element: without its cost where the answer is yes.
inline void expect(bool holds) {
  if (!holds) FAIL("an index is wrong");
}

/// Counts how often each of n elements is read or written, and accesses out of range.
class Visits {
 public:
  explicit Visits(int64_t n) : counts_(static_cast<size_t>(n)) {}
  void add(int64_t i) {
    if (i < 0 || i >= static_cast<int64_t>(counts_.size()))
      ++out_of_range_;
    else
      ++counts_[static_cast<size_t>(i)];
  }
  bool all_once() const {
    return out_of_range_ == 0 &&
           std::all_of(counts_.begin(), counts_.end(), [](int count) { return count == 1; });
  }

 private:
  std::vector<int> counts_;
  int64_t out_of_range_ = 0;
};

}  // namespace tessera::testing

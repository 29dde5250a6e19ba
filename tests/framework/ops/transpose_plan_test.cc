#include "framework/ops/transpose_plan.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "framework/core/errors.h"
#include "tests/framework/ops/grid_simulation.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// The element of x that comes to place `i` of y, by the definition of a transposition.
int64_t source_of(const Shape& x, const std::vector<int>& axes, int64_t i) {
  std::vector<int64_t> index(axes.size());
  for (size_t k = axes.size(); k-- > 0;) {
    index[static_cast<size_t>(axes[k])] = i % x[axes[k]];
    i /= x[axes[k]];
  }
  int64_t out = 0;
  for (int k = 0; k < x.rank(); ++k) out = out * x[k] + index[static_cast<size_t>(k)];
  return out;
}

/// Every block of a launch of `blocks`, thread after thread between its barriers.
void check_tiles(const Shape& x, const std::vector<int>& axes, int64_t blocks) {
  using Plan = TransposePlan;
  const Plan plan(x, axes);
  if (plan.keeps_runs()) return;
  Visits read(x.numel()), written(x.numel());
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t i = block; i < plan.tiles(); i += blocks) {
      const Plan::Tile at = plan.tile(i);
      std::optional<int64_t> shared[Plan::kTile][Plan::kTile];
      for (int step = 0; step < Plan::kSteps; ++step)
        for (int thread = 0; thread < Plan::kThreads; ++thread) {
          const Plan::Element element = plan.source(at, thread, step);
          if (!element.exists) continue;
          expect(element.row < Plan::kTile);
          expect(element.column < Plan::kTile);
          expect(!shared[element.row][element.column].has_value());
          read.add(element.offset);
          shared[element.row][element.column] = element.offset;
        }
      for (int step = 0; step < Plan::kSteps; ++step)
        for (int thread = 0; thread < Plan::kThreads; ++thread) {
          const Plan::Element element = plan.target(at, thread, step);
          if (!element.exists) continue;
          expect(shared[element.row][element.column].has_value());
          written.add(element.offset);
          expect(*shared[element.row][element.column] == source_of(x, axes, element.offset));
        }
    }
  CHECK(read.all_once());
  CHECK(written.all_once());
}

}  // namespace

TEST_CASE("transpose plan: tiles move every element to its place, for every permutation") {
  for (const Shape& x :
       std::vector<Shape>{{67, 35}, {2, 33, 3, 32}, {3, 1, 64, 65}, {2, 3, 5, 31}}) {
    std::vector<int> axes(static_cast<size_t>(x.rank()));
    std::iota(axes.begin(), axes.end(), 0);
    do {
      INFO(concat(x));
      for (int64_t blocks : {1, 5, 1000}) check_tiles(x, axes, blocks);
    } while (std::next_permutation(axes.begin(), axes.end()));
  }
}

TEST_CASE("transpose plan: joins neighbours and leaves out extents of 1") {
  const TransposePlan heads({2, 5, 3, 4}, {0, 2, 1, 3});
  CHECK(heads.keeps_runs());
  CHECK(heads.columns.extent == 4);
  const TransposePlan nhwc({2, 3, 4, 5}, {0, 2, 3, 1});
  CHECK(nhwc.rows.extent == 20);
  CHECK(nhwc.columns.extent == 3);
  CHECK(nhwc.outer_count == 2);
  const TransposePlan none({1, 3, 1, 4}, {0, 1, 2, 3});
  CHECK(none.keeps_runs());
  CHECK(none.columns.extent == 12);
  CHECK(none.outer.rank == 0);
}

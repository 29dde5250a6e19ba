#include "framework/ops/sum_plan.h"

#include "tests/framework/ops/grid_simulation.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

constexpr int kThreads = SumPlan::kThreads;

/// Segments are lines of their own for teams of `team` threads, `width` elements at a time.
void check_rows(const SumPlan& plan, int team, int width) {
  if (plan.n % width != 0) width = 1;
  Visits read(plan.outer * plan.n), written(plan.outer * plan.segments);
  for_threads({7, kThreads}, [&](GridThread self) {
    const auto [first, last, stride] = self.lines(plan.outer * plan.segments, team);
    for (int64_t i = first; i < last; i += stride) {
      const SumPlan::Segment segment = plan.segment(i);
      expect(segment.begin % width == 0);
      const auto [begin, end, step] = self.elements(segment.count, team, width);
      for (int64_t j = begin; j < end; j += step)
        for (int k = 0; k < width; ++k) read.add(segment.begin + j + k);
      if (self.index % team == 0) written.add(i);
    }
  });
  CHECK(read.all_once());
  CHECK(written.all_once());
}

/// Every element goes into the one output that its column and segment have.
void check_columns(const SumPlan& plan) {
  const int64_t rows = plan.rows_at_once(), width = plan.tile_width();
  CHECK(rows * width <= kThreads);
  Visits read(plan.outer * plan.n * plan.inner), written(plan.outer * plan.segments * plan.inner);
  for (int64_t block = 0; block < plan.outer * plan.segments * plan.tiles(); ++block) {
    std::vector<SumPlan::Column> columns;
    for (int thread = 0; thread < kThreads; ++thread) columns.push_back(plan.column(block, thread));
    for (int64_t thread = 0; thread < kThreads; ++thread) {
      const auto& [begin, end, step, output] = columns[static_cast<size_t>(thread)];
      for (int64_t i = begin; i < end; i += step) {
        read.add(i);
        // The thread that adds up this column writes it to the segment's output.
        expect(thread / width < rows);
        const int64_t to = columns[static_cast<size_t>(thread % width)].output;
        expect(to % plan.inner == i % plan.inner);
        const SumPlan::Segment segment = plan.segment(to / plan.inner);
        expect(i >= segment.begin);
        expect(i < segment.begin + segment.count * plan.inner);
      }
      if (output >= 0) written.add(output);
    }
  }
  CHECK(read.all_once());
  CHECK(written.all_once());
}

}  // namespace

TEST_CASE("sum plan: every element is added to its sum once") {
  struct Row {
    int64_t outer, n, inner;
  };
  for (const Row& row : std::vector<Row>{{1, 1, 1},
                                         {3, 7, 1},
                                         {1, 50001, 1},
                                         {2, 40000, 1},
                                         {2000, 3, 1},
                                         {4, 0, 1},
                                         {2, 0, 5},
                                         {1, 2001, 17},
                                         {3, 100, 2},
                                         {2, 9, 255},
                                         {2, 300, 256},
                                         {2, 5, 257},
                                         {1, 9000, 3},
                                         {5, 64, 1000}}) {
    INFO("outer ", row.outer, ", n ", row.n, ", inner ", row.inner);
    const SumPlan plan(row.outer, row.n, row.inner);
    CHECK(plan.segments * plan.length >= row.n);
    if (row.inner == 1) {
      for (int team : {32, kThreads})
        for (int width : {1, 2, 4, 8}) check_rows(plan, team, width);
    } else {
      check_columns(plan);
    }
  }
}

TEST_CASE("sum plan: a long sum is cut, a second pass ends it") {
  CHECK(SumPlan(1, 1 << 24, 1).segments > 256);
  CHECK(SumPlan(1, 1 << 20, 3).segments > 64);
  CHECK(SumPlan(4096, 1 << 20, 1).segments == 1);
  for (int64_t n : {int64_t{1} << 24, int64_t{1} << 40})
    for (int64_t inner : {1, 3, 300}) {
      int passes = 1;
      for (int64_t left = n; SumPlan(1, left, inner).segments > 1; ++passes)
        left = SumPlan(1, left, inner).segments;
      CHECK(passes <= 3);
    }
}

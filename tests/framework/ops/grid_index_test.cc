#include "framework/ops/grid_index.h"

#include "framework/core/shape.h"
#include "framework/ops/broadcast_plan.h"
#include "tests/framework/ops/grid_simulation.h"

using namespace tessera;
using namespace tessera::testing;

TEST_CASE("grid: groups of neighbours visit every element once, at aligned places") {
  for (const Launch& launch : kLaunches)
    for (int width : {1, 2, 4, 8})
      for (int64_t n : {0, 1, 7, 8, 9, 2047, 2048, 2049, 50001}) {
        Visits visits(n);
        for_threads(launch, [&](GridThread self) {
          const auto [begin, end, step] = self.groups(n, width);
          for (int64_t i = begin; i < end; i += step) {
            expect(i % width == 0);
            for (int64_t j = i; j < std::min(i + width, n); ++j) visits.add(j);
          }
        });
        INFO("n ", n, ", width ", width, ", blocks ", launch.blocks);
        CHECK(visits.all_once());
      }
}

TEST_CASE("grid: the parts of a line that is not aligned") {
  for (int width : {2, 4, 8})
    for (int64_t start : {0, 1, 7, 8, 50257})
      for (int64_t n : {0, 1, 5, 7, 8, 9, 40, 1003}) {
        const auto [head, body] = line_parts(start, n, width);
        expect(0 <= head && head < width && head <= body && body <= n && n - body < width);
        expect((body - head) % width == 0);
        expect(body == head || (start + head) % width == 0);
      }
}

TEST_CASE("grid: teams visit every element of every line once") {
  struct Row {
    int64_t outer, n, inner;
    int team, width;
  };
  for (const Row& row : std::vector<Row>{{300, 7, 1, 32, 1},
                                         {5, 1024, 1, 32, 8},
                                         {70, 1028, 1, 256, 4},
                                         {3, 1025, 1, 256, 1},
                                         {2, 5, 3, 1, 1},
                                         {3, 2, 700, 1, 1},
                                         {0, 5, 1, 32, 1},
                                         {4, 0, 1, 32, 1}})
    for (const Launch& launch : kLaunches) {
      const int64_t lines = row.outer * row.inner;
      Visits visits(lines * row.n), leaders(lines);
      for_threads(launch, [&](GridThread self) {
        const auto [first, last, stride] = self.lines(lines, row.team);
        for (int64_t line = first; line < last; line += stride) {
          if (self.index % row.team == 0) leaders.add(line);
          const int64_t start = line_start(line, row.n * row.inner, row.inner);
          const auto [begin, end, step] = self.elements(row.n, row.team, row.width);
          for (int64_t i = begin; i < end; i += step)
            for (int64_t j = 0; j < row.width; ++j) visits.add(start + (i + j) * row.inner);
        }
      });
      INFO("outer ", row.outer, ", n ", row.n, ", inner ", row.inner, ", team ", row.team);
      CHECK(visits.all_once());
      CHECK(leaders.all_once());
    }
}

namespace {

/// The element of a tensor of `shape` under element `i` of a result of shape y.
int64_t element_under(const Shape& shape, const Shape& y, int64_t i) {
  int64_t out = 0, stride = 1;
  for (int k = 1; k <= y.rank(); ++k) {
    const int64_t index = i % y[-k];
    i /= y[-k];
    if (k > shape.rank()) continue;
    if (shape[-k] != 1) out += index * stride;
    stride *= shape[-k];
  }
  return out;
}

template <class Index>
void check_broadcast(const Shape& a, const Shape& b, const Shape& y, int width) {
  const BroadcastPlan plan(a, b, y);
  const auto [extent, stride_a, stride_b] = plan.run();
  expect(stride_a == 0 || stride_a == 1);
  expect(stride_b == 0 || stride_b == 1);
  if (extent % width != 0) width = 1;
  Visits visits(y.numel());
  for_threads({3, 256}, [&](GridThread self) {
    const auto [begin, end, step] = self.groups(y.numel(), width);
    for (int64_t i = begin; i < end; i += step) {
      const Index row = static_cast<Index>(i) / static_cast<Index>(extent);
      const int64_t column = i - static_cast<int64_t>(row) * extent;
      const auto [at_a, at_b] = plan.offsets(row);
      const int64_t first_a = at_a + column * stride_a, first_b = at_b + column * stride_b;
      // Neighbours are loaded as one: they must begin at a multiple of the width.
      expect(stride_a == 0 || first_a % width == 0);
      expect(stride_b == 0 || first_b % width == 0);
      for (int64_t j = 0; j < width; ++j) {
        visits.add(i + j);
        expect(first_a + j * stride_a == element_under(a, y, i + j));
        expect(first_b + j * stride_b == element_under(b, y, i + j));
      }
    }
  });
  CHECK(visits.all_once());
}

}  // namespace

TEST_CASE("grid: broadcast inputs lie where NumPy's rule puts them") {
  struct Row {
    Shape a, b, y;
  };
  for (const Row& row : std::vector<Row>{{{2, 3}, {3}, {2, 3}},
                                         {{2, 1}, {2, 8}, {2, 8}},
                                         {{2, 1}, {1, 3}, {2, 3}},
                                         {{}, {5, 16}, {5, 16}},
                                         {{3, 1, 5, 1}, {2, 3, 4, 5, 8}, {2, 3, 4, 5, 8}},
                                         {{2, 1, 1, 24}, {2, 7, 9, 24}, {2, 7, 9, 24}},
                                         {{1, 7, 1, 24}, {2, 7, 9, 24}, {2, 7, 9, 24}},
                                         {{2, 3, 1, 1}, {2, 3, 1, 1}, {2, 3, 5, 8}},
                                         {{1}, {1}, {1}}})
    for (int width : {1, 2, 4, 8}) {
      INFO("a ", concat(row.a), ", b ", concat(row.b), ", width ", width);
      check_broadcast<uint32_t>(row.a, row.b, row.y, width);
      check_broadcast<int64_t>(row.a, row.b, row.y, width);
    }
}

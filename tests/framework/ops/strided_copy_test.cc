#include "framework/ops/strided_copy.h"

#include <numeric>

#include "tests/framework/ops/grid_simulation.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

/// Copies bytes as the kernel does, unit by unit.
template <class Index>
void copy_bytes(const StridedCopy& bytes, const std::vector<uint8_t>& from,
                std::vector<uint8_t>& to) {
  const int64_t unit = bytes.unit();
  const StridedCopy copy = bytes.in_units(unit);
  Visits written(static_cast<int64_t>(to.size()));
  for_threads({3, 256}, [&](GridThread self) {
    const auto [begin, end, step] = self.groups(copy.runs * copy.run, 1);
    for (int64_t i = begin; i < end; i += step) {
      const auto at = copy.unit_at(static_cast<Index>(i));
      for (int64_t j = 0; j < unit; ++j) {
        expect(at.from * unit + j < static_cast<int64_t>(from.size()));
        written.add(at.to * unit + j);
        to[static_cast<size_t>(at.to * unit + j)] = from[static_cast<size_t>(at.from * unit + j)];
      }
    }
  });
}

}  // namespace

TEST_CASE("strided copy: a slice along the middle axis, whatever its alignment") {
  struct Row {
    int64_t outer, from_n, begin, extent, inner, unit;
  };
  // inner counts bytes.
  for (const Row& row : std::vector<Row>{{3, 5, 1, 2, 16, 16},
                                         {3, 5, 1, 2, 8, 8},
                                         {3, 5, 2, 3, 12, 4},
                                         {7, 9, 4, 5, 2, 2},
                                         {7, 9, 4, 5, 1, 1},
                                         {700, 2, 1, 1, 6, 2},
                                         {1, 100, 3, 64, 4, 4}}) {
    std::vector<uint8_t> from(static_cast<size_t>(row.outer * row.from_n * row.inner));
    for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint8_t>(i * 7 % 251);
    StridedCopy copy{row.outer, row.extent * row.inner, row.begin * row.inner, 0, {}};
    copy.outer.append({row.outer, row.from_n * row.inner, row.extent * row.inner});
    CHECK(copy.unit() == row.unit);
    std::vector<uint8_t> want;
    for (int64_t i = 0; i < row.outer; ++i) {
      const auto first = from.begin() + (i * row.from_n + row.begin) * row.inner;
      want.insert(want.end(), first, first + row.extent * row.inner);
    }
    for (bool narrow : {true, false}) {
      std::vector<uint8_t> to(want.size());
      if (narrow)
        copy_bytes<uint32_t>(copy, from, to);
      else
        copy_bytes<int64_t>(copy, from, to);
      CHECK(to == want);
    }
  }
}

TEST_CASE("strided copy: axes in any order") {
  // x[4][3][2] of bytes to y[2][4][3], element by element.
  StridedCopy copy{24, 1, 0, 0, {}};
  copy.outer.append({2, 1, 12});
  copy.outer.append({4, 6, 3});
  copy.outer.append({3, 2, 1});
  std::vector<uint8_t> from(24), to(24);
  std::iota(from.begin(), from.end(), uint8_t{0});
  copy_bytes<uint32_t>(copy, from, to);
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 3; ++j)
      for (size_t k = 0; k < 2; ++k) CHECK(to[k * 12 + i * 3 + j] == from[i * 6 + j * 2 + k]);
}

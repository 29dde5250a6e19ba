#include "framework/ops/pool_axis.h"

#include "tests/framework/ops/grid_simulation.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

const std::vector<PoolAxis> kAxes{PoolAxis::sliding(8, 2, 2, 0),
                                  PoolAxis::sliding(7, 2, 2, 0),
                                  PoolAxis::sliding(7, 3, 2, 1),
                                  PoolAxis::sliding(5, 3, 1, 1),
                                  PoolAxis::sliding(9, 1, 3, 0),
                                  PoolAxis::sliding(3, 4, 5, 2),
                                  PoolAxis::sliding(1, 2, 1, 1),
                                  PoolAxis::sliding(18, 17, 1, 0),
                                  PoolAxis::sliding(6, 3, 2, 1, true),
                                  PoolAxis::parts(7, 1),
                                  PoolAxis::parts(7, 3),
                                  PoolAxis::parts(3, 4),
                                  PoolAxis::parts(1, 5),
                                  PoolAxis::parts(9, 9)};

}  // namespace

TEST_CASE("pool axis: windows hold input positions, in order") {
  for (const PoolAxis& axis : kAxes) {
    CHECK(axis.outputs() >= 1);
    for (const PoolWindow& window : axis.windows()) {
      CHECK(window.begin >= 0);
      CHECK(window.begin < window.end);
      CHECK(window.end <= axis.extent());
      CHECK(window.count >= window.end - window.begin);
    }
  }
  const PoolWindow padded = PoolAxis::sliding(6, 3, 2, 1, true).window(0);
  CHECK(padded.begin == 0);
  CHECK(padded.end == 2);
  CHECK(padded.count == 3);
}

TEST_CASE("pool axis: windows_over finds the windows that hold a position, and no other") {
  for (const PoolAxis& axis : kAxes)
    for (int64_t position = 0; position < axis.extent(); ++position) {
      const PoolAxis::Range range = axis.windows_over(position);
      const PoolAxis::Range narrow = axis.windows_over<uint32_t>(position);
      CHECK(range.begin == narrow.begin);
      CHECK(range.end == narrow.end);
      for (int64_t i = 0; i < axis.outputs(); ++i) {
        const PoolWindow window = axis.window(i);
        const bool holds = window.begin <= position && position < window.end;
        CHECK(holds == (range.begin <= i && i < range.end));
      }
    }
}

TEST_CASE("pool axis: places of elements, and back") {
  const PixelGrid shape{5, 7, 3};
  for (int64_t i = 0; i < 2 * 5 * 7 * 3; ++i) {
    const PixelGrid::Place place = shape.place(static_cast<uint32_t>(i));
    CHECK(shape.index(place) == i);
    CHECK(place.row < 5);
    CHECK(place.column < 7);
    CHECK(place.channel < 3);
    CHECK(shape.index(shape.place(i)) == i);
  }
}

TEST_CASE("pool axis: kernels read inside the tensors; every window meets each of its positions") {
  for (const PoolAxis& rows : kAxes)
    for (const PoolAxis& columns : kAxes)
      for (int width : {1, 4}) {
        const int64_t C = 4;
        const PixelGrid input{rows.extent(), columns.extent(), C};
        const PixelGrid output{rows.outputs(), columns.outputs(), C};
        const int64_t inputs = 2 * input.rows * input.columns * C;
        const int64_t outputs = 2 * output.rows * output.columns * C;
        Visits written(outputs), gathered(inputs);
        int64_t forward = 0, backward = 0;
        for_threads({2, 256}, [&](GridThread self) {
          auto [begin, end, step] = self.groups(outputs, width);
          for (int64_t i = begin; i < end; i += step) {
            const PixelGrid::Place at = output.place(static_cast<uint32_t>(i));
            expect(at.channel + width <= C);
            for (int64_t h = rows.window(at.row).begin; h < rows.window(at.row).end; ++h)
              for (int64_t w = columns.window(at.column).begin; w < columns.window(at.column).end;
                   ++w, ++forward)
                expect(input.index({at.image, h, w, at.channel}) + width <= inputs);
            for (int j = 0; j < width; ++j) written.add(i + j);
          }
          const auto over = self.groups(inputs, width);
          for (int64_t i = over.begin; i < over.end; i += over.step) {
            const PixelGrid::Place at = input.place(static_cast<uint32_t>(i));
            const auto p = rows.windows_over<uint32_t>(at.row);
            const auto q = columns.windows_over<uint32_t>(at.column);
            for (int64_t k = p.begin; k < p.end; ++k)
              for (int64_t l = q.begin; l < q.end; ++l, ++backward)
                expect(output.index({at.image, k, l, at.channel}) + width <= outputs);
            for (int j = 0; j < width; ++j) gathered.add(i + j);
          }
        });
        CHECK(written.all_once());
        CHECK(gathered.all_once());
        CHECK(forward == backward);
      }
}

// The three kernels of gather's backward pass on CUDA, as a program for the CPU: every index adds
// up once, whatever falls into which slice.
#include "framework/ops/gather_slices.h"

#include <doctest/doctest.h>

#include <vector>

using namespace tessera;

TEST_CASE("gather slices: each index counts once") {
  for (const int64_t M : {1, 255, 256, 257, 5000, 20000})
    for (const int64_t N : {1, 3, 1000}) {
      INFO("indices ", M, " rows ", N);
      const GatherSlices slices = gather_slices(M);
      REQUIRE(slices.count() <= 64);
      const auto row_of = [N](int64_t m) { return m % 2 * (m * 7919 % N); };
      const auto at = [N](int64_t slice, int64_t row) {
        return static_cast<size_t>(slice * N + row);
      };
      std::vector<int64_t> first(static_cast<size_t>(slices.count() * N), M),
          want(static_cast<size_t>(N));
      for (int64_t m = 0; m < M; ++m) {
        int64_t& place = first[at(slices.slice_of(m), row_of(m))];
        place = std::min(place, m);
        want[static_cast<size_t>(row_of(m))] += m + 1;
      }
      std::vector<int64_t> partial(static_cast<size_t>(M)), got(static_cast<size_t>(N));
      for (int64_t m = 0; m < M; ++m) {
        if (first[at(slices.slice_of(m), row_of(m))] != m) continue;
        for (int64_t p = m; p < slices.end_of(m); ++p)
          if (row_of(p) == row_of(m)) partial[static_cast<size_t>(m)] += p + 1;
      }
      for (int64_t n = 0; n < N; ++n)
        for (int64_t slice = 0; slice < slices.count(); ++slice)
          if (first[at(slice, n)] < M)
            got[static_cast<size_t>(n)] += partial[static_cast<size_t>(first[at(slice, n)])];
      CHECK(got == want);
    }
}

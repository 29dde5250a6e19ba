#include "framework/sparse/two_of_four.h"

#include <algorithm>

namespace tessera {
namespace {

/// Calls f(first value of a group of an output in the blocks, its rows), in the order of storage.
template <class F>
void for_each_group(const TileMatrix& m, F&& f) {
  int64_t block = 0;
  for (size_t t = 0; t + 1 < m.n_ptr.size(); ++t) {
    const int64_t rows = m.k_ptr[t + 1] - m.k_ptr[t];
    for (int32_t n = m.n_ptr[t]; n < m.n_ptr[t + 1]; ++n, block += rows)
      for (int64_t k = 0; k < rows; k += kGroupRows) f(block + k, std::min(kGroupRows, rows - k));
  }
}

int non_zeros(const float* values, int64_t count) {
  return static_cast<int>(std::count_if(values, values + count, [](float v) { return v != 0; }));
}

}  // namespace

bool is_two_of_four(const TileMatrix& m) {
  bool fits = true;
  for_each_group(m, [&](int64_t first, int64_t rows) {
    fits = fits && non_zeros(m.values.data() + first, rows) <= kGroupValues;
  });
  return fits;
}

CompressedBlocks compress_blocks(const TileMatrix& m) {
  CompressedBlocks out;
  for_each_group(m, [&](int64_t first, int64_t rows) {
    const float* const group = m.values.data() + first;
    // Zeros fill the places that the non-zeros leave free, the first ones.
    int64_t zeros = std::min(kGroupValues, rows) - non_zeros(group, rows);
    for (int64_t place = 0; place < rows; ++place) {
      if (group[place] == 0 && zeros-- <= 0) continue;
      const size_t i = out.values.size();
      if (i % 4 == 0) out.meta.push_back(0);
      out.meta[i / 4] = static_cast<uint8_t>(out.meta[i / 4] | place << 2 * (i % 4));
      out.values.push_back(group[place]);
    }
  });
  return out;
}

std::vector<float> expand_blocks(const std::string& name, const TileMatrix& m,
                                 const CompressedBlocks& compressed) {
  int64_t stored = 0, expanded = 0;
  for_each_group(m, [&](int64_t, int64_t rows) {
    stored += std::min(kGroupValues, rows);
    expanded += rows;
  });
  const auto got = static_cast<int64_t>(compressed.values.size());
  require_runtime(got == stored, "[tile_matrix] ", name, ".tw_values must hold the ", stored,
                  " weights of the 2:4 sparse tiles; got ", got, ".");
  require_runtime(static_cast<int64_t>(compressed.meta.size()) == (stored + 3) / 4,
                  "[tile_matrix] ", name, ".tw_meta must hold a byte for four values, ",
                  (stored + 3) / 4, "; got ", compressed.meta.size(), ".");
  std::vector<float> values(static_cast<size_t>(expanded), 0.0f);
  size_t i = 0;
  for_each_group(m, [&](int64_t first, int64_t rows) {
    int previous = -1;
    for (int64_t v = 0; v < std::min(kGroupValues, rows); ++v, ++i) {
      const int place = compressed.meta[i / 4] >> 2 * (i % 4) & 3;
      require_runtime(place > previous && place < rows, "[tile_matrix] ", name,
                      ".tw_meta must hold places that grow inside a group and lie in its ", rows,
                      " rows; got ", place, " for value ", i, ".");
      values[static_cast<size_t>(first + place)] = compressed.values[i];
      previous = place;
    }
  });
  const int last = compressed.meta.empty() ? 0 : compressed.meta.back();
  require_runtime(i % 4 == 0 || last >> 2 * (i % 4) == 0, "[tile_matrix] ", name,
                  ".tw_meta must end with zero bits; got ", last, ".");
  return values;
}

}  // namespace tessera

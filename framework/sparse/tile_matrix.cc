#include "framework/sparse/tile_matrix.h"

#include <algorithm>
#include <utility>

#include "framework/sparse/two_of_four.h"

namespace tessera {
namespace {

// More elements than any machine holds, and few enough that sizes in bytes do not overflow.
constexpr int64_t kMaxElements = int64_t{1} << 48;
constexpr int64_t kMaxIndex = INT32_MAX;

void check_pointers(const std::string& name, const char* what, const std::vector<int32_t>& ptr,
                    size_t length, int64_t at_least, int64_t at_most) {
  require_runtime(!ptr.empty() && ptr.front() == 0, "[tile_matrix] ", name, what,
                  " must start with 0; got ",
                  ptr.empty() ? std::string("an empty list") : concat(ptr.front()), ".");
  for (size_t t = 1; t < ptr.size(); ++t) {
    const int64_t step = int64_t{ptr[t]} - ptr[t - 1];
    require_runtime(step >= at_least && step <= at_most, "[tile_matrix] ", name, what,
                    " must grow by ", at_least, " to ", at_most, " a tile; got ", ptr[t - 1],
                    " then ", ptr[t], " at tile ", t - 1, ".");
  }
  require_runtime(static_cast<size_t>(ptr.back()) == length, "[tile_matrix] ", name, what,
                  " must end at the number of indices, ", length, "; got ", ptr.back(), ".");
}

void check_indices(const std::string& name, const char* what, const std::vector<int32_t>& ptr,
                   const std::vector<int32_t>& idx, int64_t limit) {
  for (size_t t = 0; t + 1 < ptr.size(); ++t)
    for (int32_t i = ptr[t]; i < ptr[t + 1]; ++i) {
      const int32_t index = idx[static_cast<size_t>(i)];
      require_runtime(index >= 0 && index < limit, "[tile_matrix] ", name, what,
                      " must lie in [0, ", limit, "); got ", index, " in tile ", t, ".");
      require_runtime(i == ptr[t] || idx[static_cast<size_t>(i) - 1] < index, "[tile_matrix] ",
                      name, what, " must grow strictly inside a tile; got ",
                      i == ptr[t] ? 0 : idx[static_cast<size_t>(i) - 1], " then ", index,
                      " in tile ", t, ".");
    }
}

/// (output, tile) of all outputs that a tile owns, sorted.
std::vector<std::pair<int32_t, int32_t>> owners(const TileMatrix& m) {
  std::vector<std::pair<int32_t, int32_t>> out;
  out.reserve(m.n_idx.size());
  for (size_t t = 0; t + 1 < m.n_ptr.size(); ++t)
    for (int32_t i = m.n_ptr[t]; i < m.n_ptr[t + 1]; ++i)
      out.emplace_back(m.n_idx[static_cast<size_t>(i)], static_cast<int32_t>(t));
  std::sort(out.begin(), out.end());
  return out;
}

void check_remainder(const std::string& name, const TileMatrix& m,
                     const std::vector<std::pair<int32_t, int32_t>>& owner) {
  require_runtime(m.tew_row.size() == m.tew_col.size() && m.tew_row.size() == m.tew_values.size(),
                  "[tile_matrix] ", name, ".tew_row, tew_col and tew_values must have one length; ",
                  "got ", m.tew_row.size(), ", ", m.tew_col.size(), " and ", m.tew_values.size(),
                  ".");
  for (size_t i = 0; i < m.tew_row.size(); ++i) {
    const int32_t row = m.tew_row[i], col = m.tew_col[i];
    require_runtime(row >= 0 && row < m.outputs() && col >= 0 && col < m.inputs(), "[tile_matrix] ",
                    name, ".tew_row and tew_col must lie in [0, ", m.outputs(), ") and [0, ",
                    m.inputs(), "); got (", row, ", ", col, ") at ", i, ".");
    require_runtime(i == 0 || std::pair(m.tew_row[i - 1], m.tew_col[i - 1]) < std::pair(row, col),
                    "[tile_matrix] ", name, ".tew_row, tew_col must be sorted and unique; got (",
                    row, ", ", col, ") out of order at ", i, ".");
    const auto it = std::lower_bound(owner.begin(), owner.end(), std::pair(row, INT32_MIN));
    if (it == owner.end() || it->first != row) continue;
    const auto t = static_cast<size_t>(it->second);
    require_runtime(
        !std::binary_search(m.k_idx.begin() + m.k_ptr[t], m.k_idx.begin() + m.k_ptr[t + 1], col),
        "[tile_matrix] ", name, ".tew_* must be disjoint from the tiles; got (", row, ", ", col,
        "), which is in tile ", t, ".");
  }
}

/// Calls f(output, input, value) for all that is stored.
template <class F>
void for_each_stored(const TileMatrix& m, F&& f) {
  size_t v = 0;
  for (size_t t = 0; t + 1 < m.n_ptr.size(); ++t)
    for (int32_t n = m.n_ptr[t]; n < m.n_ptr[t + 1]; ++n)
      for (int32_t k = m.k_ptr[t]; k < m.k_ptr[t + 1]; ++k)
        f(m.n_idx[static_cast<size_t>(n)], m.k_idx[static_cast<size_t>(k)], m.values[v++]);
  for (size_t i = 0; i < m.tew_values.size(); ++i) f(m.tew_row[i], m.tew_col[i], m.tew_values[i]);
}

}  // namespace

void check_tile_indices(const std::string& name, const TileMatrix& m) {
  require_runtime(m.shape.rank() >= 2, "[tile_matrix] ", name,
                  " must have rank 2 or more; got shape ", m.shape, ".");
  require_runtime(
      m.shape.numel() <= kMaxElements && m.outputs() <= kMaxIndex && m.inputs() <= kMaxIndex,
      "[tile_matrix] ", name, " must have extents below 2^31; got shape ", m.shape, ".");
  require_runtime(m.granularity >= 1, "[tile_matrix] ", name,
                  " must have a granularity of 1 or more; got ", m.granularity, ".");
  check_pointers(name, ".tw_n_ptr", m.n_ptr, m.n_idx.size(), 1, m.granularity);
  check_pointers(name, ".tw_k_ptr", m.k_ptr, m.k_idx.size(), 0, m.inputs());
  require_runtime(m.n_ptr.size() == m.k_ptr.size(), "[tile_matrix] ", name,
                  ".tw_n_ptr and tw_k_ptr must have one length; got ", m.n_ptr.size(), " and ",
                  m.k_ptr.size(), ".");
  check_indices(name, ".tw_n_idx", m.n_ptr, m.n_idx, m.outputs());
  check_indices(name, ".tw_k_idx", m.k_ptr, m.k_idx, m.inputs());
  const auto owner = owners(m);
  for (size_t i = 1; i < owner.size(); ++i)
    require_runtime(owner[i - 1].first != owner[i].first, "[tile_matrix] ", name,
                    ".tw_n_idx must hold an output once; got ", owner[i].first, " in tiles ",
                    owner[i - 1].second, " and ", owner[i].second, ".");
}

void check_tiles(const std::string& name, const TileMatrix& m) {
  check_tile_indices(name, m);
  // Outputs are unique, so the sum is at most the number of weights: it cannot overflow.
  int64_t stored = 0;
  for (size_t t = 0; t + 1 < m.n_ptr.size(); ++t)
    stored += (int64_t{m.n_ptr[t + 1]} - m.n_ptr[t]) * (int64_t{m.k_ptr[t + 1]} - m.k_ptr[t]);
  require_runtime(stored == static_cast<int64_t>(m.values.size()), "[tile_matrix] ", name,
                  ".tw_values must hold the ", stored, " weights of the tiles; got ",
                  m.values.size(), ".");
  require_runtime(!m.two_of_four || is_two_of_four(m), "[tile_matrix] ", name,
                  " must keep at most 2 of each 4 rows of a tile in turn; got more.");
  check_remainder(name, m, owners(m));
}

Tensor unpack(const TileMatrix& m) {
  Tensor out = Tensor::zeros(m.shape);
  float* const to = out.data<float>();
  const int64_t width = m.inputs();
  for_each_stored(m, [&](int64_t n, int64_t k, float value) { to[n * width + k] = value; });
  return out;
}

Tensor stored_mask(const TileMatrix& m) {
  Tensor out = Tensor::zeros(m.shape, {.dtype = DType::u8});
  uint8_t* const to = out.data<uint8_t>();
  const int64_t width = m.inputs();
  for_each_stored(m, [&](int64_t n, int64_t k, float value) { to[n * width + k] = value != 0; });
  return out;
}

}  // namespace tessera

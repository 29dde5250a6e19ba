#include <algorithm>
#include <cstring>
#include <numeric>

#include "framework/sparse/tile_matrix.h"

namespace tessera {
namespace {

/// A weight and its mask as matrices [outputs, inputs]; `kept` null: all is kept.
struct MaskedWeight {
  const float* values;
  const uint8_t* kept;
  int64_t outputs, inputs;

  bool keeps(int64_t n, int64_t k) const { return kept == nullptr || kept[n * inputs + k] != 0; }
  bool keeps_any(int64_t n) const {
    if (kept == nullptr) return inputs > 0;
    return std::any_of(kept + n * inputs, kept + (n + 1) * inputs,
                       [](uint8_t bit) { return bit != 0; });
  }
};

MaskedWeight masked_weight(const Tensor& weight, const Tensor& mask) {
  require(
      weight.dtype() == DType::f32 && weight.layout() == Layout::row_major && weight.rank() >= 2,
      "[pack] the weight must be f32, row-major, of rank 2 or more; got ", weight, ".");
  require(!mask.defined() || (mask.dtype() == DType::u8 && mask.shape() == weight.shape() &&
                              mask.layout() == Layout::row_major),
          "[pack] the mask must be u8 of the weight's shape ", weight.shape(), "; got ", mask, ".");
  require(weight.dim(0) <= INT32_MAX &&
              weight.numel() / std::max<int64_t>(weight.dim(0), 1) <= INT32_MAX,
          "[pack] the extents must be below 2^31; got ", weight.shape(), ".");
  const int64_t outputs = weight.dim(0);
  return {weight.data<float>(), mask.defined() ? mask.data<uint8_t>() : nullptr, outputs,
          outputs == 0 ? 0 : weight.numel() / outputs};
}

/// The rows that any of the outputs keeps.
std::vector<int32_t> union_of_rows(const MaskedWeight& w, const int32_t* begin,
                                   const int32_t* end) {
  std::vector<uint8_t> any(static_cast<size_t>(w.inputs), w.kept == nullptr);
  if (w.kept != nullptr)
    for (const int32_t* n = begin; n != end; ++n)
      for (int64_t k = 0; k < w.inputs; ++k)
        any[static_cast<size_t>(k)] |= w.kept[*n * w.inputs + k] != 0;
  std::vector<int32_t> rows;
  for (int64_t k = 0; k < w.inputs; ++k)
    if (any[static_cast<size_t>(k)] != 0) rows.push_back(static_cast<int32_t>(k));
  return rows;
}

/// Appends the outputs of `order`, cut into tiles of m.granularity.
void append_tiles(const MaskedWeight& w, const std::vector<int32_t>& order, TileMatrix& m) {
  for (size_t begin = 0; begin < order.size(); begin += static_cast<size_t>(m.granularity)) {
    const size_t end = std::min(order.size(), begin + static_cast<size_t>(m.granularity));
    std::vector<int32_t> tile(order.begin() + static_cast<int64_t>(begin),
                              order.begin() + static_cast<int64_t>(end));
    std::sort(tile.begin(), tile.end());
    const auto rows = union_of_rows(w, tile.data(), tile.data() + tile.size());
    for (const int32_t n : tile)
      for (const int32_t k : rows)
        m.values.push_back(w.keeps(n, k) ? w.values[n * w.inputs + k] : 0.0f);
    m.n_idx.insert(m.n_idx.end(), tile.begin(), tile.end());
    m.k_idx.insert(m.k_idx.end(), rows.begin(), rows.end());
    m.n_ptr.push_back(static_cast<int32_t>(m.n_idx.size()));
    m.k_ptr.push_back(static_cast<int32_t>(m.k_idx.size()));
  }
}

/// `order` with outputs of equal rows side by side, each set at the place of its first output.
std::vector<int32_t> by_equal_rows(const MaskedWeight& w, const std::vector<int32_t>& order) {
  if (w.kept == nullptr) return order;
  const auto row = [&](int32_t n) { return w.kept + n * w.inputs; };
  const auto less = [&](int32_t a, int32_t b) {
    return std::memcmp(row(a), row(b), static_cast<size_t>(w.inputs)) < 0;
  };
  std::vector<int32_t> sorted = order;
  std::stable_sort(sorted.begin(), sorted.end(), less);
  std::vector<std::vector<int32_t>> sets;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || less(sorted[i - 1], sorted[i])) sets.emplace_back();
    sets.back().push_back(sorted[i]);
  }
  std::sort(sets.begin(), sets.end(),
            [](const auto& a, const auto& b) { return a.front() < b.front(); });
  std::vector<int32_t> out;
  for (const auto& set : sets) out.insert(out.end(), set.begin(), set.end());
  return out;
}

}  // namespace

TileMatrix pack(const Tensor& weight, const Tensor& mask, int64_t granularity, int64_t groups) {
  const MaskedWeight w = masked_weight(weight, mask);
  require(granularity >= 1, "[pack] the granularity must be 1 or more; got ", granularity, ".");
  require(groups >= 1 && w.outputs % groups == 0, "[pack] groups must divide the outputs; got ",
          groups, " for ", weight.shape(), ".");
  TileMatrix out;
  out.shape = weight.shape();
  out.granularity = granularity;
  TileMatrix in_order = out, regrouped = out;
  for (int64_t g = 0; g < groups; ++g) {
    std::vector<int32_t> order;
    for (int64_t n = g * (w.outputs / groups); n < (g + 1) * (w.outputs / groups); ++n)
      if (w.keeps_any(n)) order.push_back(static_cast<int32_t>(n));
    append_tiles(w, order, in_order);
    append_tiles(w, by_equal_rows(w, order), regrouped);
  }
  return regrouped.values.size() < in_order.values.size() ? regrouped : in_order;
}

TileMatrix pack_remainder(const Tensor& weight, const Tensor& mask) {
  const MaskedWeight w = masked_weight(weight, mask);
  TileMatrix out;
  out.shape = weight.shape();
  for (int64_t n = 0; n < w.outputs; ++n)
    for (int64_t k = 0; k < w.inputs; ++k)
      if (w.keeps(n, k)) {
        out.tew_row.push_back(static_cast<int32_t>(n));
        out.tew_col.push_back(static_cast<int32_t>(k));
        out.tew_values.push_back(w.values[n * w.inputs + k]);
      }
  return out;
}

}  // namespace tessera

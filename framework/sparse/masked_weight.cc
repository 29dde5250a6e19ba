#include "framework/sparse/masked_weight.h"

#include <algorithm>

namespace tessera {

MaskedWeight::MaskedWeight(const Tensor& weight, const Tensor& mask) {
  require(
      weight.dtype() == DType::f32 && weight.layout() == Layout::row_major && weight.rank() >= 2,
      "[pack] the weight must be f32, row-major, of rank 2 or more; got ", weight, ".");
  require(!mask.defined() || (mask.dtype() == DType::u8 && mask.shape() == weight.shape() &&
                              mask.layout() == Layout::row_major),
          "[pack] the mask must be u8 of the weight's shape ", weight.shape(), "; got ", mask, ".");
  require(weight.dim(0) <= INT32_MAX &&
              weight.numel() / std::max<int64_t>(weight.dim(0), 1) <= INT32_MAX,
          "[pack] the extents must be below 2^31; got ", weight.shape(), ".");
  values = weight.data<float>();
  kept = mask.defined() ? mask.data<uint8_t>() : nullptr;
  outputs = weight.dim(0);
  inputs = outputs == 0 ? 0 : weight.numel() / outputs;
}

int64_t MaskedWeight::kept_by(int64_t n) const {
  if (kept == nullptr) return inputs;
  return std::count_if(kept + n * inputs, kept + (n + 1) * inputs,
                       [](uint8_t bit) { return bit != 0; });
}

std::vector<int32_t> MaskedWeight::rows_of(const std::vector<int32_t>& outputs_of_tile) const {
  std::vector<uint8_t> any(static_cast<size_t>(inputs), kept == nullptr);
  if (kept != nullptr)
    for (const int32_t n : outputs_of_tile)
      for (int64_t k = 0; k < inputs; ++k) any[static_cast<size_t>(k)] |= kept[n * inputs + k] != 0;
  std::vector<int32_t> rows;
  for (int64_t k = 0; k < inputs; ++k)
    if (any[static_cast<size_t>(k)] != 0) rows.push_back(static_cast<int32_t>(k));
  return rows;
}

std::vector<std::vector<int32_t>> cut_tiles(const std::vector<std::vector<int32_t>>& outputs,
                                            int64_t granularity) {
  std::vector<std::vector<int32_t>> tiles;
  for (const std::vector<int32_t>& list : outputs) {
    const auto count = static_cast<int64_t>(list.size());
    for (int64_t begin = 0; begin < count; begin += granularity) {
      tiles.emplace_back(list.begin() + begin, list.begin() + std::min(count, begin + granularity));
      std::sort(tiles.back().begin(), tiles.back().end());
    }
  }
  return tiles;
}

void append_tile(const MaskedWeight& w, const std::vector<int32_t>& outputs,
                 const std::vector<int32_t>& rows, TileMatrix& m) {
  for (const int32_t n : outputs)
    for (const int32_t k : rows)
      m.values.push_back(w.keeps(n, k) ? w.values[n * w.inputs + k] : 0.0f);
  m.n_idx.insert(m.n_idx.end(), outputs.begin(), outputs.end());
  m.k_idx.insert(m.k_idx.end(), rows.begin(), rows.end());
  m.n_ptr.push_back(static_cast<int32_t>(m.n_idx.size()));
  m.k_ptr.push_back(static_cast<int32_t>(m.k_idx.size()));
}

void check_packing(const MaskedWeight& w, int64_t granularity, int64_t groups) {
  require(granularity >= 1, "[pack] the granularity must be 1 or more; got ", granularity, ".");
  require(groups >= 1 && w.outputs % groups == 0, "[pack] groups must divide the outputs; got ",
          groups, " for ", w.outputs, " outputs.");
}

}  // namespace tessera

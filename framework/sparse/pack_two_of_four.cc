// Packing of masks that are 2:4 sparse along K.
#include <algorithm>
#include <cstdint>

#include "framework/sparse/masked_weight.h"
#include "framework/sparse/pack.h"
#include "framework/sparse/two_of_four.h"

namespace tessera {
namespace {

/// All inputs of the fours {0..3}, {4..7} ... that hold one of the rows: a row that 2:4 took from
/// every output of a tile is missing from its mask, but counts in its four.
std::vector<int32_t> whole_fours(const std::vector<int32_t>& rows, int64_t inputs) {
  std::vector<int32_t> out;
  for (const int32_t row : rows) {
    const auto first = static_cast<int32_t>(row / kGroupRows * kGroupRows);
    if (!out.empty() && out.back() >= first) continue;
    const int64_t end = std::min(first + kGroupRows, inputs);
    for (int32_t k = first; k < end; ++k) out.push_back(k);
  }
  return out;
}

}  // namespace

TileMatrix pack_two_of_four(const Tensor& weight, const Tensor& mask, int64_t granularity,
                            int64_t groups) {
  const MaskedWeight w(weight, mask);
  check_packing(w, granularity, groups);
  TileMatrix out;
  out.shape = weight.shape();
  out.granularity = granularity;
  const auto lists = outputs_by_group(w, groups, [&](int64_t n) { return w.kept_by(n) > 0; });
  for (const auto& tile : cut_tiles(lists, granularity))
    append_tile(w, tile, whole_fours(w.rows_of(tile), w.inputs), out);
  out.two_of_four = is_two_of_four(out);
  return out.two_of_four ? out : pack(weight, mask, granularity, groups);
}

}  // namespace tessera

#include "framework/sparse/pack.h"

#include <algorithm>
#include <cstring>

#include "framework/sparse/masked_weight.h"

namespace tessera {
namespace {

TileMatrix pack_lists(const MaskedWeight& w, const std::vector<std::vector<int32_t>>& lists,
                      const TileMatrix& empty) {
  TileMatrix out = empty;
  for (const auto& tile : cut_tiles(lists, out.granularity))
    append_tile(w, tile, w.rows_of(tile), out);
  return out;
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

using Packer = TileMatrix (*)(const Tensor& weight, const Tensor& mask, int64_t granularity,
                              int64_t groups);

TileMatrix pack_singles_alone(const Tensor& weight, const Tensor& mask, int64_t, int64_t) {
  return pack_remainder(weight, mask);
}

TileMatrix pack_whole_tiles(const Tensor& weight, const Tensor& mask, int64_t, int64_t groups) {
  constexpr int64_t kTile = 64;
  return pack_two_of_four(weight, mask, kTile, groups);
}

struct PatternForm {
  const char* pattern;
  Packer packer;
};

constexpr PatternForm kForms[] = {
    {"tw", pack},
    {"tw1", pack},
    {"units", pack},
    {"bw", pack},
    {"tew", pack_with_singles},
    {"tvw", pack_two_of_four},
    {"nm", pack_whole_tiles},
    {"ew", pack_singles_alone},
    {"vw", pack_singles_alone},
};

Packer packer_of(const std::string& pattern) {
  std::string known;
  for (const PatternForm& form : kForms) {
    if (pattern == form.pattern) return form.packer;
    known += concat(known.empty() ? "" : ", ", form.pattern);
  }
  fail("[pack] the pattern must be one of ", known, "; got '", pattern, "'.");
}

}  // namespace

TileMatrix pack(const Tensor& weight, const Tensor& mask, int64_t granularity, int64_t groups) {
  const MaskedWeight w(weight, mask);
  check_packing(w, granularity, groups);
  TileMatrix empty;
  empty.shape = weight.shape();
  empty.granularity = granularity;
  auto lists = outputs_by_group(w, groups, [&](int64_t n) { return w.kept_by(n) > 0; });
  TileMatrix in_order = pack_lists(w, lists, empty);
  for (auto& list : lists) list = by_equal_rows(w, list);
  TileMatrix regrouped = pack_lists(w, lists, empty);
  return regrouped.values.size() < in_order.values.size() ? regrouped : in_order;
}

TileMatrix pack_remainder(const Tensor& weight, const Tensor& mask) {
  const MaskedWeight w(weight, mask);
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

TileMatrix pack_pattern(const std::string& pattern, const Tensor& weight, const Tensor& mask,
                        int64_t granularity, int64_t groups) {
  return packer_of(pattern)(weight, mask, granularity, groups);
}

void check_packed_pattern(const std::string& pattern) { packer_of(pattern); }

}  // namespace tessera

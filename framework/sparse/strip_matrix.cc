#include "framework/sparse/strip_matrix.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tessera {
namespace {

// A strip's store and start-up, in rows of its product; measured.
constexpr int64_t kStripOverhead = 12;
// A single weight's cost in rows of a strip, which are eight weights each: as a fraction.
constexpr int64_t kSinglesPerRow = 3;
// Single weights of a tile that has no rows: they stay in the L2 cache beside a block of X.
constexpr int64_t kSinglesPerTile = 16384;

class StripBuilder {
 public:
  StripBuilder(CpuIsa isa, const TileMatrix& m, const float* bias,
               const std::function<int64_t(int64_t k, int64_t output)>& row_offset)
      : width_(tile_kernels(isa).strip_outputs), m_(m), bias_(bias), row_offset_(row_offset) {
    out_.isa = isa;
    single_begin_.assign(static_cast<size_t>(m.outputs()) + 1, 0);
    for (const int32_t row : m.tew_row) ++single_begin_[static_cast<size_t>(row) + 1];
    std::partial_sum(single_begin_.begin(), single_begin_.end(), single_begin_.begin());
    add_tiles();
    add_free_outputs();
  }

  StripMatrix take() {
    out_.values.resize(out_.values.size() + kStripOutputs);  // kernels read whole vectors
    return std::move(out_);
  }

 private:
  int64_t singles_of(int32_t output) const {
    const auto n = static_cast<size_t>(output);
    return single_begin_[n + 1] - single_begin_[n];
  }

  int32_t offset(int64_t k, int64_t output) const {
    const int64_t offset = row_offset_(k, output);
    require(offset >= 0 && offset <= INT32_MAX,
            "[make_strips] a panel must hold fewer than 2^31 floats; got a row at ", offset, ".");
    return static_cast<int32_t>(offset);
  }

  void add_tiles() {
    const float* block = m_.values.data();
    owned_.assign(static_cast<size_t>(m_.outputs()), 0);
    for (size_t t = 0; t + 1 < m_.n_ptr.size(); ++t) {
      const int32_t* const n = m_.n_idx.data() + m_.n_ptr[t];
      const int32_t* const n_end = m_.n_idx.data() + m_.n_ptr[t + 1];
      const int64_t rows = m_.k_ptr[t + 1] - m_.k_ptr[t];
      add_tile(n, n_end, rows, block);
      block += rows * (n_end - n);
      for (const int32_t* p = n; p != n_end; ++p) owned_[static_cast<size_t>(*p)] = 1;
      for (int32_t i = m_.k_ptr[t]; i < m_.k_ptr[t + 1]; ++i)
        out_.offsets.push_back(offset(m_.k_idx[static_cast<size_t>(i)], *n));
    }
  }

  /// The outputs that no tile owns, in tiles without rows.
  void add_free_outputs() {
    std::vector<int32_t> outputs;
    int64_t singles = 0;
    const auto flush = [&] {
      if (!outputs.empty()) add_tile(outputs.data(), outputs.data() + outputs.size(), 0, nullptr);
      outputs.clear();
      singles = 0;
    };
    for (int32_t n = 0; n < m_.outputs(); ++n) {
      if (owned_[static_cast<size_t>(n)] != 0) continue;
      if (static_cast<int64_t>(outputs.size()) % width_ == 0 && singles >= kSinglesPerTile) flush();
      outputs.push_back(n);
      singles += singles_of(n);
    }
    flush();
  }

  /// Appends the strips of the outputs [begin, end), which share the rows [0, rows) of a block.
  void add_tile(const int32_t* begin, const int32_t* end, int64_t rows, const float* block) {
    const auto strips = static_cast<int64_t>(out_.strips.size());
    const int64_t count = end - begin;
    const size_t singles = out_.singles.size();
    StripMatrix::Tile tile{strips,
                           strips + (count + width_ - 1) / width_,
                           rows,
                           static_cast<int64_t>(out_.offsets.size()),
                           static_cast<int64_t>(out_.values.size()),
                           false};
    for (int64_t first = 0; first < count; first += width_) {
      Strip strip;
      strip.count = static_cast<int32_t>(std::min(width_, count - first));
      const size_t singles_before = out_.singles.size();
      for (int o = 0; o < kStripOutputs; ++o) {
        if (o < strip.count) {
          strip.outputs[o] = begin[first + o];
          strip.bias[o] = bias_ == nullptr ? 0.0f : bias_[begin[first + o]];
          add_singles(begin[first + o]);
        }
        out_.singles_begin.push_back(static_cast<int64_t>(out_.singles.size()));
      }
      for (int64_t k = 0; k < rows; ++k)
        for (int o = 0; o < width_; ++o)
          out_.values.push_back(o < strip.count ? block[(first + o) * rows + k] : 0.0f);
      out_.strips.push_back(strip);
      const auto added = static_cast<int64_t>(out_.singles.size() - singles_before);
      out_.cost.push_back(out_.cost.back() + rows + added / kSinglesPerRow + kStripOverhead);
      out_.multiplications += strip.count * rows + added;
    }
    tile.has_singles = out_.singles.size() > singles;
    out_.tiles.push_back(tile);
  }

  void add_singles(int32_t output) {
    const auto n = static_cast<size_t>(output);
    for (int64_t i = single_begin_[n]; i < single_begin_[n + 1]; ++i) {
      const auto e = static_cast<size_t>(i);
      out_.singles.push_back({offset(m_.tew_col[e], output), m_.tew_values[e]});
    }
  }

  const int64_t width_;  // outputs of a full strip
  const TileMatrix& m_;
  const float* bias_;
  const std::function<int64_t(int64_t k, int64_t output)>& row_offset_;
  std::vector<int64_t> single_begin_;  // by output, into tew_*
  std::vector<uint8_t> owned_;         // by output: a tile has it
  StripMatrix out_;
};

}  // namespace

StripMatrix make_strips(CpuIsa isa, const TileMatrix& m, const float* bias,
                        const std::function<int64_t(int64_t k, int64_t output)>& row_offset) {
  return StripBuilder(isa, m, bias, row_offset).take();
}

}  // namespace tessera

#include "framework/sparse/gather_gemm.h"

#include <algorithm>
#include <utility>

namespace tessera {
namespace {

// A strip's store and start-up, in rows of its product; measured.
constexpr int64_t kStripOverhead = 12;
// Half of a common L2 cache for the activations of a block; a tile's weights and Y take the rest.
constexpr int64_t kBlockBytes = 768 * 1024;
// Rows x strips x chunk groups below which a second thread costs more than it gives (about 20 us).
constexpr int64_t kThreadGrain = 8192;

/// Chunks in groups of three; the last four are two and two, since one alone wastes the kernel.
struct ChunkGroups {
  int64_t chunks;

  int64_t count() const { return (chunks + kChunksAtOnce - 1) / kChunksAtOnce; }
  int64_t begin(int64_t group) const {
    if (group == count()) return chunks;
    const bool pair = chunks % kChunksAtOnce == 1 && chunks > 1 && group == count() - 1;
    return pair ? chunks - 2 : group * kChunksAtOnce;
  }
};

class Product {
 public:
  Product(const StripMatrix& weights, const GatherColumns& columns, int64_t panels, const float* x,
          const float* residual, float* y, Activation activation)
      : kernels_(tile_kernels(weights.isa)),
        weights_(weights),
        columns_(columns),
        x_(x),
        residual_(residual),
        y_(y),
        activation_(activation),
        groups_{panels * static_cast<int64_t>(columns.positions.size())} {}

  int64_t total_cost() const { return groups_.count() * weights_.cost.back(); }

  /// The part `index` of `parts` of equal cost.
  void run_part(int64_t index, int64_t parts) const {
    const auto [group, strip] = at_cost(total_cost() * index / parts);
    const auto [last_group, last_strip] = at_cost(total_cost() * (index + 1) / parts);
    if (group == last_group) return run(group, group + 1, strip, last_strip);
    run(group, group + 1, strip, strip_count());
    const int64_t chunk_bytes = std::max<int64_t>(columns_.x_chunk_bytes * kChunksAtOnce, 1);
    const int64_t block = std::max<int64_t>(kBlockBytes / chunk_bytes, 2);
    for (int64_t g = group + 1; g < last_group; g += block)
      run(g, std::min(g + block, last_group), 0, strip_count());
    run(last_group, last_group + 1, 0, last_strip);
  }

 private:
  int64_t strip_count() const { return static_cast<int64_t>(weights_.strips.size()); }

  /// The chunk group and the strip at which the work before them costs `cost`.
  std::pair<int64_t, int64_t> at_cost(int64_t cost) const {
    const int64_t column = weights_.cost.back();
    const auto strip = std::lower_bound(weights_.cost.begin(), weights_.cost.end(), cost % column);
    return {cost / column, strip - weights_.cost.begin()};
  }

  /// Strips [strip_begin, strip_end) for the chunk groups [group_begin, group_end), tile by tile.
  void run(int64_t group_begin, int64_t group_end, int64_t strip_begin, int64_t strip_end) const {
    for (const StripMatrix::Tile& tile : weights_.tiles) {
      const int64_t begin = std::max(tile.strip_begin, strip_begin);
      const int64_t end = std::min(tile.strip_end, strip_end);
      if (begin >= end) continue;
      TileCall call{};
      call.values = weights_.values.data() + tile.values_begin +
                    (begin - tile.strip_begin) * tile.rows * kernels_.strip_outputs;
      call.offsets = weights_.offsets.data() + tile.offsets_begin;
      call.rows = tile.rows;
      call.strips = weights_.strips.data() + begin;
      call.strip_count = end - begin;
      call.y_stride = columns_.y_stride;
      call.residual_stride = columns_.residual_stride;
      call.activation = activation_;
      call.lane_step = columns_.lane_step;
      call.lane_width = columns_.lane_width;
      for (int64_t g = group_begin; g < group_end; ++g) run_group(call, g);
    }
  }

  void run_group(TileCall& call, int64_t group) const {
    const auto positions = static_cast<int64_t>(columns_.positions.size());
    const int64_t begin = groups_.begin(group), count = groups_.begin(group + 1) - begin;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t panel = (begin + i) / positions;
      const auto& p = columns_.positions[static_cast<size_t>((begin + i) % positions)];
      call.chunks[i] = {
          x_ + panel * columns_.x_panel + p.x, y_ + panel * columns_.y_panel + p.y,
          residual_ == nullptr ? nullptr : residual_ + panel * columns_.residual_panel + p.residual,
          p.lanes};
    }
    kernels_.of_chunks[count - 1](call);
  }

  const TileKernels& kernels_;
  const StripMatrix& weights_;
  const GatherColumns& columns_;
  const float* x_;
  const float* residual_;
  float* y_;
  Activation activation_;
  ChunkGroups groups_;
};

/// Appends the strips of the outputs [begin, end), which share the rows [0, rows) of a block.
void append_tile(const int32_t* begin, const int32_t* end, int64_t rows, const float* block,
                 const float* bias, StripMatrix& out) {
  const auto strips = static_cast<int64_t>(out.strips.size());
  const int64_t count = end - begin, width = tile_kernels(out.isa).strip_outputs;
  StripMatrix::Tile tile{strips, strips + (count + width - 1) / width, rows,
                         static_cast<int64_t>(out.offsets.size()),
                         static_cast<int64_t>(out.values.size())};
  for (int64_t first = 0; first < count; first += width) {
    Strip strip;
    strip.count = static_cast<int32_t>(std::min(width, count - first));
    for (int o = 0; o < strip.count; ++o) {
      strip.outputs[o] = begin[first + o];
      strip.bias[o] = bias == nullptr ? 0.0f : bias[begin[first + o]];
    }
    for (int64_t k = 0; k < rows; ++k)
      for (int o = 0; o < width; ++o)
        out.values.push_back(o < strip.count ? block[(first + o) * rows + k] : 0.0f);
    out.strips.push_back(strip);
    out.cost.push_back(out.cost.back() + rows + kStripOverhead);
    out.multiplications += strip.count * rows;
  }
  out.tiles.push_back(tile);
}

}  // namespace

StripMatrix make_strips(CpuIsa isa, const TileMatrix& m, const float* bias,
                        const std::function<int64_t(int64_t k, int64_t output)>& row_offset) {
  require(!m.has_remainder(), "[make_strips] the weight must be held in tiles alone; got ",
          m.tew_values.size(), " single weights besides. Unpack it and pack it without a mask.");
  StripMatrix out;
  out.isa = isa;
  std::vector<uint8_t> owned(static_cast<size_t>(m.outputs()), 0);
  const float* block = m.values.data();
  for (size_t t = 0; t + 1 < m.n_ptr.size(); ++t) {
    const int32_t* const n = m.n_idx.data() + m.n_ptr[t];
    const int32_t* const n_end = m.n_idx.data() + m.n_ptr[t + 1];
    const int64_t rows = m.k_ptr[t + 1] - m.k_ptr[t];
    append_tile(n, n_end, rows, block, bias, out);
    block += rows * (n_end - n);
    for (const int32_t* p = n; p != n_end; ++p) owned[static_cast<size_t>(*p)] = 1;
    for (int32_t i = m.k_ptr[t]; i < m.k_ptr[t + 1]; ++i) {
      const int64_t offset = row_offset(m.k_idx[static_cast<size_t>(i)], *n);
      require(offset >= 0 && offset <= INT32_MAX,
              "[make_strips] a panel must hold fewer than 2^31 floats; got a row at ", offset, ".");
      out.offsets.push_back(static_cast<int32_t>(offset));
    }
  }
  std::vector<int32_t> free;
  for (int64_t n = 0; n < m.outputs(); ++n)
    if (owned[static_cast<size_t>(n)] == 0) free.push_back(static_cast<int32_t>(n));
  if (!free.empty()) append_tile(free.data(), free.data() + free.size(), 0, nullptr, bias, out);
  return out;
}

void gather_gemm(const Cpu& cpu, const StripMatrix& weights, const GatherColumns& columns,
                 int64_t panels, const float* x, const float* residual, float* y,
                 Activation activation) {
  if (columns.positions.empty() || panels == 0 || weights.strips.empty()) return;
  const Product product(weights, columns, panels, x, residual, y, activation);
  const int64_t parts = std::clamp<int64_t>(product.total_cost() / kThreadGrain, 1, cpu.threads());
  cpu.parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) product.run_part(part, parts);
  });
}

}  // namespace tessera

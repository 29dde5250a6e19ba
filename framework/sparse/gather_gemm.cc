#include "framework/sparse/gather_gemm.h"

#include <algorithm>
#include <utility>

namespace tessera {
namespace {

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
        remainder_kernels_(remainder_kernels(weights.isa)),
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
      call.lane_step = columns_.lane_step;
      call.lane_width = columns_.lane_width;
      for (int64_t g = group_begin; g < group_end; ++g) {
        const int chunks = set_chunks(call, g);
        if (tile.has_singles)
          run_with_singles(call, begin, chunks);
        else
          run_rows(call, activation_, chunks);
      }
    }
  }

  void run_rows(TileCall& call, Activation activation, int chunks) const {
    call.activation = activation;
    kernels_.of_chunks[chunks - 1](call);
  }

  /// The rows of the tile, if it has any, store sums without activation, which the remainder then
  /// takes as its residual.
  void run_with_singles(TileCall& call, int64_t first_strip, int chunks) const {
    if (call.rows > 0) {
      run_rows(call, Activation::none, chunks);
      call.residual_stride = call.y_stride;
      for (int i = 0; i < chunks; ++i) call.chunks[i].residual = call.chunks[i].y;
    }
    call.activation = activation_;
    remainder_kernels_.of_chunks[chunks - 1](
        {.tile = call,
         .weights = weights_.singles.data(),
         .begin = weights_.singles_begin.data() + first_strip * kStripOutputs,
         .adds_bias = call.rows == 0});
  }

  /// Points the call at the chunks of a group; returns how many.
  int set_chunks(TileCall& call, int64_t group) const {
    const auto positions = static_cast<int64_t>(columns_.positions.size());
    const int64_t begin = groups_.begin(group);
    const int count = static_cast<int>(groups_.begin(group + 1) - begin);
    call.residual_stride = columns_.residual_stride;
    for (int i = 0; i < count; ++i) {
      const int64_t panel = (begin + i) / positions;
      const auto& p = columns_.positions[static_cast<size_t>((begin + i) % positions)];
      call.chunks[i] = {
          x_ + panel * columns_.x_panel + p.x, y_ + panel * columns_.y_panel + p.y,
          residual_ == nullptr ? nullptr : residual_ + panel * columns_.residual_panel + p.residual,
          p.lanes};
    }
    return count;
  }

  const TileKernels& kernels_;
  const RemainderKernels& remainder_kernels_;
  const StripMatrix& weights_;
  const GatherColumns& columns_;
  const float* x_;
  const float* residual_;
  float* y_;
  Activation activation_;
  ChunkGroups groups_;
};

}  // namespace

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

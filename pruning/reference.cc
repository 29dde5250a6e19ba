#include "pruning/reference.h"

#include <algorithm>
#include <cmath>

namespace tessera {

namespace {

using Layers = std::span<const LayerMatrix>;

/// A rectangle of a layer's matrix that is pruned as one.
struct Block {
  size_t layer;
  int64_t n_begin, n_end;  ///< outputs
  int64_t k_begin, k_end;  ///< inputs
  double score;
};

double score_at(const LayerMatrix& layer, int64_t n, int64_t k) {
  const int64_t e = n * layer.inputs + k;
  return layer.mask[e] != 0 ? static_cast<double>(layer.scores[e]) : 0.0;
}

double norm_of(const LayerMatrix& layer, const Block& block) {
  double sum = 0;
  for (int64_t n = block.n_begin; n < block.n_end; ++n)
    for (int64_t k = block.k_begin; k < block.k_end; ++k)
      sum += score_at(layer, n, k) * score_at(layer, n, k);
  return std::sqrt(sum);
}

void clear(const LayerMatrix& layer, const Block& block) {
  for (int64_t n = block.n_begin; n < block.n_end; ++n)
    std::fill(layer.mask + n * layer.inputs + block.k_begin,
              layer.mask + n * layer.inputs + block.k_end, uint8_t{0});
}

/// 100 * share, without the rounding of 100 * 0.29 = 28.999...96, which would move a threshold.
double percent(double share) {
  constexpr double kDigits = 1e9;
  return std::round(100 * share * kDigits) / kDigits;
}

/// The linearly interpolated percentile, q in [0, 100], with NumPy's arithmetic: from the nearer
/// end.
double percentile(std::vector<double> values, double q) {
  const double at = static_cast<double>(values.size() - 1) * (q / 100);
  const auto low = values.begin() + static_cast<int64_t>(at);
  std::nth_element(values.begin(), low, values.end());
  if (low + 1 == values.end()) return *low;
  const double a = *low;
  const double b = *std::min_element(low + 1, values.end());
  const double t = at - std::floor(at);
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

void prune_lowest(const std::vector<Block>& blocks, double q, Layers layers) {
  if (blocks.empty()) return;
  std::vector<double> scores;
  for (const Block& block : blocks) scores.push_back(block.score);
  const double threshold = percentile(std::move(scores), q);
  for (const Block& block : blocks)
    if (!(block.score > threshold)) clear(layers[block.layer], block);
}

/// Appends the blocks that cover outputs [n_begin, n_end), each `rows` inputs high.
void append_blocks(std::vector<Block>& blocks, size_t i, const LayerMatrix& layer, int64_t n_begin,
                   int64_t n_end, int64_t rows, double divisor) {
  for (int64_t k = 0; k < layer.inputs; k += rows) {
    Block block{i, n_begin, n_end, k, std::min(k + rows, layer.inputs), 0};
    block.score = norm_of(layer, block) / divisor;
    blocks.push_back(block);
  }
}

void prune_blocks(int64_t width, int64_t height, bool is_normalised, double q, Layers layers) {
  std::vector<Block> blocks;
  for (size_t i = 0; i < layers.size(); ++i)
    for (int64_t n = 0; n < layers[i].outputs; n += width) {
      const int64_t end = std::min(n + width, layers[i].outputs);
      append_blocks(blocks, i, layers[i], n, end, height,
                    is_normalised ? static_cast<double>(end - n) : 1.0);
    }
  prune_lowest(blocks, q, layers);
}

/// s: percent.
void prune_vectors(double s, Layers layers) {
  constexpr int64_t kLength = 16;
  const int64_t top = static_cast<int64_t>((1 - s / 100) * kLength);
  for (const LayerMatrix& layer : layers)
    for (int64_t n = 0; n < layer.outputs; ++n)
      for (int64_t begin = 0; begin < layer.inputs; begin += kLength) {
        std::vector<double> scores;
        for (int64_t k = begin; k < std::min(begin + kLength, layer.inputs); ++k)
          scores.push_back(score_at(layer, n, k));
        std::vector<double> sorted = scores;
        std::sort(sorted.rbegin(), sorted.rend());
        const bool has_threshold = static_cast<int64_t>(scores.size()) > top + 1;
        const double threshold = has_threshold ? sorted[static_cast<size_t>(top)] : 0.0;
        for (size_t j = 0; j < scores.size(); ++j)
          if (!(scores[j] > threshold))
            layer.mask[n * layer.inputs + begin + static_cast<int64_t>(j)] = 0;
      }
}

bool is_kept(const LayerMatrix& layer, int64_t n) {
  const uint8_t* mask = layer.mask + n * layer.inputs;
  return std::any_of(mask, mask + layer.inputs, [](uint8_t m) { return m != 0; });
}

void prune_tiles(int64_t granularity, double s, Layers layers) {
  const double q = 100 - std::sqrt(10000 - 100 * s);
  std::vector<Block> columns;
  for (size_t i = 0; i < layers.size(); ++i)
    for (int64_t n = 0; n < layers[i].outputs; ++n)
      append_blocks(columns, i, layers[i], n, n + 1, std::max<int64_t>(layers[i].inputs, 1),
                    static_cast<double>(layers[i].inputs));
  prune_lowest(columns, q, layers);

  std::vector<Block> rows;
  for (size_t i = 0; i < layers.size(); ++i) {
    int64_t begin = 0, num_kept = 0;
    for (int64_t n = 0; n < layers[i].outputs; ++n) {
      num_kept += is_kept(layers[i], n);
      if (num_kept < granularity && n + 1 < layers[i].outputs) continue;
      append_blocks(rows, i, layers[i], begin, n + 1, 1, static_cast<double>(n + 1 - begin));
      begin = n + 1;
      num_kept = 0;
    }
  }
  prune_lowest(rows, q, layers);
}

void prune_tiles_and_restore(const PatternOptions& options, double s, Layers layers) {
  std::vector<std::vector<uint8_t>> before;
  for (const LayerMatrix& layer : layers)
    before.emplace_back(layer.mask, layer.mask + layer.numel());
  const double restored = percent(options.delta);
  prune_tiles(granularity_of(options), s + restored, layers);

  const auto gain = [&](size_t i, int64_t e) {
    const bool was_kept = before[i][static_cast<size_t>(e)] != 0;
    return (was_kept ? static_cast<double>(layers[i].scores[e]) : 0.0) - layers[i].mask[e];
  };
  std::vector<double> gains;
  for (size_t i = 0; i < layers.size(); ++i)
    for (int64_t e = 0; e < layers[i].numel(); ++e) gains.push_back(gain(i, e));
  const double threshold = percentile(std::move(gains), 100 - restored);
  for (size_t i = 0; i < layers.size(); ++i)
    for (int64_t e = 0; e < layers[i].numel(); ++e)
      if (before[i][static_cast<size_t>(e)] != 0 && gain(i, e) > threshold) layers[i].mask[e] = 1;
}

}  // namespace

void prune_as_reference(const PatternOptions& options, double sparsity, Layers layers) {
  const double s = percent(sparsity);
  const int64_t g = granularity_of(options);
  require(g >= 1, "[prune] granularity must be at least 1; got ", g, ".");
  require(options.delta >= 0 && sparsity + options.delta < 1,
          "[prune] delta must be at least 0 and sparsity + delta below 1; got ", options.delta,
          " and ", sparsity, ".");
  if (count_weights(layers) == 0) return;
  if (options.pattern == "ew")
    prune_blocks(1, 1, false, s, layers);
  else if (options.pattern == "vw")
    prune_vectors(s, layers);
  else if (options.pattern == "bw")
    prune_blocks(g, g, false, s, layers);
  else if (options.pattern == "tw1")
    prune_blocks(g, 1, true, s, layers);
  else if (options.pattern == "tw")
    prune_tiles(g, s, layers);
  else if (options.pattern == "tew")
    prune_tiles_and_restore(options, s, layers);
  else
    fail("[prune] the reference variant has the patterns ew, vw, bw, tw1, tw, tew; got '",
         options.pattern, "'.");
}

}  // namespace tessera

#include "pruning/layer_matrix.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "framework/backend/cpu.h"

namespace tessera {

namespace {

/// Of flags that are 0 or 1. Eight at a time: a byte holds the sum of 255.
int64_t sum_of(const uint8_t* begin, int64_t count) {
  constexpr int64_t kFlags = sizeof(uint64_t), kSteps = 255;
  int64_t sum = 0, i = 0;
  while (count - i >= kFlags) {
    const int64_t end = i + std::min((count - i) / kFlags, kSteps) * kFlags;
    uint64_t bytes = 0;
    for (; i < end; i += kFlags) {
      uint64_t flags;
      std::memcpy(&flags, begin + i, sizeof(flags));
      bytes += flags;
    }
    for (; bytes != 0; bytes >>= 8) sum += static_cast<int64_t>(bytes & 0xff);
  }
  for (; i < count; ++i) sum += begin[i];
  return sum;
}

/// The sum of output n's kept scores, in lanes that need not wait for each other.
double kept_score_of(const LayerMatrix& layer, int64_t n) {
  constexpr int64_t kLanes = 8;
  const float* const scores = layer.scores + n * layer.inputs;
  const uint8_t* const mask = layer.mask + n * layer.inputs;
  double lanes[kLanes] = {};
  for (int64_t k = 0; k < layer.inputs; ++k)
    lanes[k % kLanes] += static_cast<double>(scores[k] * static_cast<float>(mask[k]));
  const double kept = static_cast<double>(sum_of(mask, layer.inputs));
  return std::accumulate(lanes, lanes + kLanes, 0.0) * layer.scale - layer.lowest * kept;
}

}  // namespace

int64_t count_kept(const LayerMatrix& layer, const Rectangle& part) {
  int64_t kept = 0;
  for (int64_t n = part.n_begin; n < part.n_end; ++n)
    kept += sum_of(layer.mask + n * layer.inputs + part.k_begin, part.k_end - part.k_begin);
  return kept;
}

Tally tally(const LayerMatrix& layer, const Rectangle& part) {
  Tally sum;
  double raw = 0;
  const int64_t width = part.k_end - part.k_begin;
  for (int64_t n = part.n_begin; n < part.n_end; ++n) {
    const int64_t at = n * layer.inputs + part.k_begin;
    for (int64_t e = at; e < at + width; ++e)
      raw += layer.mask[e] != 0 ? static_cast<double>(layer.scores[e]) : 0.0;
    sum.kept += sum_of(layer.mask + at, width);
    if (layer.element_wise == nullptr) continue;
    for (int64_t e = at; e < at + width; ++e)
      sum.kept_by_ew += layer.mask[e] & layer.element_wise[e];
  }
  sum.score = raw * layer.scale - layer.lowest * static_cast<double>(sum.kept);
  return sum;
}

void clear(const LayerMatrix& layer, const Rectangle& part) {
  for (int64_t n = part.n_begin; n < part.n_end; ++n)
    std::fill(layer.mask + n * layer.inputs + part.k_begin,
              layer.mask + n * layer.inputs + part.k_end, uint8_t{0});
}

bool is_output_kept(const LayerMatrix& layer, int64_t n) {
  return std::memchr(layer.mask + n * layer.inputs, 1, static_cast<size_t>(layer.inputs)) !=
         nullptr;
}

int64_t count_weights(std::span<const LayerMatrix> layers) {
  int64_t count = 0;
  for (const LayerMatrix& layer : layers) count += layer.numel();
  return count;
}

int64_t count_zeros(std::span<const LayerMatrix> layers) {
  std::vector<int64_t> kept(static_cast<size_t>(cpu().threads()), 0);
  for (const LayerMatrix& layer : layers)
    cpu().parallel_ranges(
        layer.numel(), kFlagsOfThread, [&](int64_t begin, int64_t end, int64_t range) {
          kept[static_cast<size_t>(range)] += sum_of(layer.mask + begin, end - begin);
        });
  return count_weights(layers) - std::accumulate(kept.begin(), kept.end(), int64_t{0});
}

double kept_score(std::span<const LayerMatrix> layers) {
  double total = 0;
  for (const LayerMatrix& layer : layers) {
    // A sum an output, added in order: the same for any number of threads.
    std::vector<double> sums(static_cast<size_t>(layer.outputs));
    cpu().parallel_for(layer.outputs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n)
        if (is_output_kept(layer, n)) sums[static_cast<size_t>(n)] = kept_score_of(layer, n);
    });
    for (const double sum : sums) total += sum;
  }
  return total;
}

}  // namespace tessera

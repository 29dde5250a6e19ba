#include "pruning/layer_matrix.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "framework/backend/cpu.h"

namespace tessera {

namespace {

int64_t sum_of(const uint8_t* begin, int64_t count) {
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += begin[i];
  return sum;
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
  int64_t count = 0;
  for (const LayerMatrix& layer : layers)
    count += layer.numel() - sum_of(layer.mask, layer.numel());
  return count;
}

double kept_score(std::span<const LayerMatrix> layers) {
  double total = 0;
  for (const LayerMatrix& layer : layers) {
    // A sum an output, added in order: the same for any number of threads.
    std::vector<double> sums(static_cast<size_t>(layer.outputs));
    cpu().parallel_for(layer.outputs, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n)
        sums[static_cast<size_t>(n)] = tally(layer, output(layer, n)).score;
    });
    for (const double sum : sums) total += sum;
  }
  return total;
}

}  // namespace tessera

// A layer as a pattern sees it: a matrix of scores to read, a mask to clear entries of.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "layers/unit_axis.h"

namespace tessera {

struct LayerMatrix {
  std::string name;
  const float* scores;  ///< [outputs, inputs]
  uint8_t* mask;        ///< [outputs, inputs], 1 = kept, else 0
  int64_t outputs;
  int64_t inputs;
  int64_t groups;
  double scale = 1;                       ///< what scores are multiplied by to compare layers
  double lowest = 0;                      ///< of all scaled scores where negative, else 0
  const uint8_t* element_wise = nullptr;  ///< [outputs, inputs]: what EW would keep, for apriori
  std::span<const UnitAxis> units = {};   ///< declared by the layer

  int64_t numel() const { return outputs * inputs; }
};

/// Sums over the kept weights of a rectangle.
struct Tally {
  double score = 0;  ///< of the scaled scores above `lowest`: pruned weights count least
  int64_t kept = 0;
  int64_t kept_by_ew = 0;  ///< those of them that LayerMatrix::element_wise keeps
};

/// Entries of a mask that are worth a thread.
inline constexpr int64_t kFlagsOfThread = 1 << 20;

struct Rectangle {
  int64_t n_begin, n_end;  ///< outputs
  int64_t k_begin, k_end;  ///< inputs

  int64_t size() const { return (n_end - n_begin) * (k_end - k_begin); }
};

int64_t count_kept(const LayerMatrix& layer, const Rectangle& part);
Tally tally(const LayerMatrix& layer, const Rectangle& part);
void clear(const LayerMatrix& layer, const Rectangle& part);

/// All of output n.
inline Rectangle output(const LayerMatrix& layer, int64_t n) { return {n, n + 1, 0, layer.inputs}; }
/// Whether output n has a kept weight.
bool is_output_kept(const LayerMatrix& layer, int64_t n);

int64_t count_weights(std::span<const LayerMatrix> layers);
/// Pruned weights of all layers.
int64_t count_zeros(std::span<const LayerMatrix> layers);
/// The sum of the scaled scores that the masks keep.
double kept_score(std::span<const LayerMatrix> layers);

}  // namespace tessera

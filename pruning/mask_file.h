// Masks of the tensors of any safetensors file: what `tessera mask` does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pruning/pattern.h"

namespace tessera {

enum class MatrixLayout {
  oi,  ///< [out, in, ...], PyTorch's: outputs first
  kn,  ///< [K, N], the paper's: outputs last, all other dimensions are inputs
};

struct MaskRequest {
  std::filesystem::path input;
  bool are_weights = false;   ///< scores are the magnitudes of the values, else the values
  std::string select = ".*";  ///< a regular expression found in the names of the tensors taken
  MatrixLayout layout = MatrixLayout::oi;
  PatternOptions options = {};
  double sparsity = 0.75;
  std::filesystem::path output;
};

struct WrittenMask {
  std::string name;
  Shape shape;
  int64_t zeros = 0;
};

struct MaskResult {
  std::vector<WrittenMask> tensors;
  double kept_score = 0;  ///< share of the sum of all scores
};

/// Every float tensor of rank >= 2 that `select` is found in takes part, in the order of the names;
/// all are ranked together. Writes one U8 tensor for each, of its name and shape, 1 = kept.
/// Throws: std::invalid_argument where nothing is selected, for a malformed regex, and as
/// prune_masks() does; std::runtime_error for a file that cannot be read or written.
MaskResult write_masks(const MaskRequest& request);

}  // namespace tessera

// Masks of the tensors of any safetensors file: what `tessera mask` makes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/core/tensor_map.h"
#include "framework/io/layer_bound.h"
#include "pruning/pattern.h"

namespace tessera {

enum class MatrixLayout {
  oi,  ///< [out, in, ...], PyTorch's: outputs first
  kn,  ///< [K, N], the paper's: outputs last, all other dimensions are inputs
};

struct MaskRequest {
  std::filesystem::path input;  ///< a safetensors file
  bool are_weights = false;     ///< scores are the magnitudes of the values, else the values
  std::string select = ".*";    ///< a regular expression found in the names of the tensors taken
  MatrixLayout layout = MatrixLayout::oi;
  PatternOptions options = {};
  double sparsity = 0.75;
  std::vector<LayerBound> bounds = {};  ///< of the tensors whose names they match
};

struct PrunedTensor {
  std::string name;
  Shape shape;
  int64_t zeros = 0;
};

struct FileMasks {
  TensorMap masks;                    ///< U8, of the tensors' names and shapes, 1 = kept
  std::vector<PrunedTensor> tensors;  ///< of each
  double kept_score = 0;              ///< share of the sum of all scores
  std::string pattern;                ///< that they were made with, as the next one
  int64_t granularity = 0;
};

/// Every float tensor of rank >= 2 that `select` is found in takes part, in the order of the names;
/// all are ranked together. Throws: std::invalid_argument where nothing is selected, for a
/// malformed regex, and as prune_masks() does; std::runtime_error for a file that cannot be read.
FileMasks make_masks(const MaskRequest& request);
/// The same of these tensors, those of the file.
FileMasks make_masks(const MaskRequest& request, TensorMap tensors);

/// A safetensors file of the masks; its metadata keep pattern and granularity.
void write_masks(const std::filesystem::path& path, const FileMasks& masks);

/// `masks`, `pattern` and `granularity` of such a file; the last two stay empty and 0 where its
/// metadata do not say, as in a file that another program wrote.
/// Throws: std::runtime_error for a file that cannot be read.
FileMasks read_masks(const std::filesystem::path& path);

}  // namespace tessera

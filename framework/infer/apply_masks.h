// The pruned model of anybody's safetensors file: what `tessera apply` does.
#pragma once

#include <filesystem>
#include <vector>

#include "framework/core/tensor_map.h"
#include "framework/infer/pruned_weights.h"
#include "pruning/mask_file.h"

namespace tessera {

struct ApplyRequest {
  std::filesystem::path weights;
  TensorMap
      masks;  ///< U8, 1 = kept, else 0, of the name and the shape of the weight that it prunes
  ExportOptions options = {};
  std::filesystem::path output;
};

/// Throws: std::invalid_argument for a file whose weights are packed or masked already.
void require_plain_weights(const std::filesystem::path& path);

/// Writes the tensors of `weights`: those that have a mask in the format of the options, all others
/// unchanged, with the metadata of the file. A model file in the format `dense` stays one: its
/// metadata still say how to build it. All is checked before anything is written.
/// Throws: as require_plain_weights(); std::invalid_argument for masks that do not fit the weights,
/// for no masks, and where a tensor has a name that the format needs; std::runtime_error for a file
/// that cannot be read or written.
std::vector<PrunedTensor> apply_masks(const ApplyRequest& request);

}  // namespace tessera

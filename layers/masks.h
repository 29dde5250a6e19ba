// Masks: which weights are kept. Name of a parameter -> U8 tensor of its shape, 1 = kept, 0 =
// pruned. Parameters without an entry are dense.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/backend/backend.h"
#include "framework/core/tensor.h"
#include "layers/module.h"

namespace tessera {

struct Masks : std::map<std::string, Tensor> {
  using std::map<std::string, Tensor>::map;

  /// The mask of a parameter, or an undefined tensor.
  Tensor of(const std::string& name) const {
    const auto found = find(name);
    return found == end() ? Tensor{} : found->second;
  }
};

/// Masks are made and counted on the cpu; what applies them takes them on the parameters' device.
Masks to_device(const Masks& masks, Device device);

/// Throws: std::invalid_argument unless every mask is U8, row-major, of a prunable parameter and of
/// its shape, and holds only 0 and 1; all mistakes in one message.
void check_masks(const std::vector<Parameter>& parameters, const Masks& masks);

/// Sets pruned weights to exactly 0 (also where they were NaN or infinite).
void apply_masks(const std::vector<Parameter>& parameters, const Masks& masks);

/// Sets the gradients of pruned weights to exactly 0. Goes before the norm is taken for clipping,
/// else training under masks would differ from training the sparse model.
void mask_gradients(const std::vector<Parameter>& parameters, const Masks& masks);

/// Pruned weights / weights, over all masks; 0 where there are none.
double sparsity(const Masks& masks);

struct MaskedTensor {
  Tensor values, mask;  ///< of equal shapes; f32 or f64, and U8
};

/// values[i] = 0 where mask[i] == 0.
void mask_tensors(Cpu&, std::vector<MaskedTensor>& tensors);

void mask_tensors(Cuda&, std::vector<MaskedTensor>& tensors);

}  // namespace tessera

// Tensors by name, in the order of their names: state dicts, the contents of a safetensors file.
#pragma once

#include <map>
#include <string>

#include "framework/core/tensor.h"

namespace tessera {

using TensorMap = std::map<std::string, Tensor>;

/// The tensors on `device`: copies of those that are elsewhere, the same handles of those there.
inline TensorMap to_device(const TensorMap& tensors, Device device) {
  TensorMap out;
  for (const auto& [name, tensor] : tensors) out[name] = tensor.to(device);
  return out;
}

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace tessera

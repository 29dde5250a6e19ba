// Tensors by name, in the order of their names: state dicts, the contents of a safetensors file.
#pragma once

#include <map>
#include <string>

#include "framework/core/tensor.h"

namespace tessera {

using TensorMap = std::map<std::string, Tensor>;

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace tessera

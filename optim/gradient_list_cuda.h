// All gradients of a model as lists for one launch each. Included by .cu files only.
#pragma once

#include <vector>

#include "framework/backend/tensor_list_cuda.h"
#include "framework/core/tensor.h"

namespace tessera {

using GradientItem = ListItem<1>;
using GradientList = TensorList<1>;

inline std::vector<GradientItem> gradient_items(const std::vector<Tensor>& tensors, DType dtype) {
  std::vector<GradientItem> items;
  for (Tensor tensor : tensors)
    if (tensor.dtype() == dtype)
      items.push_back({.data = {tensor.raw()}, .n = tensor.numel(), .value = 0, .first_block = 0});
  return items;
}

/// Calls f.operator()<T>(list, grid) for the lists of both types, T = float and double.
template <class F>
void for_each_gradient_list(const std::vector<Tensor>& tensors, F&& f) {
  const auto launch = [&]<class T>() {
    launch_lists(gradient_items(tensors, dtype_of<T>),
                 [&](const GradientList& list, int64_t blocks) {
                   f.template operator()<T>(list, dim3(static_cast<unsigned>(blocks)));
                 });
  };
  launch.template operator()<float>();
  launch.template operator()<double>();
}

}  // namespace tessera

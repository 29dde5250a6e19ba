#include "framework/backend/cuda.h"
#include "framework/backend/tensor_list_cuda.h"
#include "layers/masks.h"

namespace tessera {
namespace {

using Item = ListItem<2>;  // values, mask
using List = TensorList<2>;

template <class T>
__global__ void mask_kernel(const __grid_constant__ List list) {
  for_each_in_block(list, [&](const Item& item, int64_t i) {
    if (static_cast<const uint8_t*>(item.data[1])[i] == 0) static_cast<T*>(item.data[0])[i] = T(0);
  });
}

template <class T>
void mask_all_of(Cuda& cuda, std::vector<MaskedTensor>& tensors) {
  std::vector<Item> items;
  for (auto& [values, mask] : tensors)
    if (values.dtype() == dtype_of<T>)
      items.push_back({{values.raw(), mask.raw()}, values.numel(), 0, 0});
  launch_lists(items, [&](const List& list, int64_t blocks) {
    cuda.launch("mask", mask_kernel<T>, dim3(static_cast<unsigned>(blocks)), dim3(kThreadsPerBlock),
                0, list);
  });
}

}  // namespace

void mask_tensors(Cuda& cuda, std::vector<MaskedTensor>& tensors) {
  mask_all_of<float>(cuda, tensors);
  mask_all_of<double>(cuda, tensors);
}

}  // namespace tessera

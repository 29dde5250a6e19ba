#include "framework/backend/cuda.h"
#include "framework/backend/tensor_list_cuda.h"
#include "optim/ema.h"

namespace tessera {
namespace {

using Item = ListItem<3>;  // average, value, mask (or null)
using List = TensorList<3>;

template <class T>
__global__ void ema_kernel(const __grid_constant__ List list, double decay,
                           const int64_t* updates) {
  const auto n = static_cast<double>(*updates);
  const T gain = static_cast<T>(1 - min(decay, (1 + n) / (10 + n)));
  for_each_in_block(list, [&](const Item& item, int64_t i) {
    T* const average = static_cast<T*>(item.data[0]);
    const T* const value = static_cast<const T*>(item.data[1]);
    const auto* const mask = static_cast<const uint8_t*>(item.data[2]);
    const T updated = average[i] + gain * (value[i] - average[i]);
    average[i] = mask == nullptr || mask[i] != 0 ? updated : T(0);
  });
}

template <class T>
void update_all_of(Cuda& cuda, double decay, std::vector<AveragedTensor>& tensors,
                   const Tensor& updates) {
  std::vector<Item> items;
  for (AveragedTensor& tensor : tensors)
    if (tensor.average.dtype() == dtype_of<T>)
      items.push_back({{tensor.average.raw(), tensor.value.raw(),
                        tensor.mask.defined() ? tensor.mask.raw() : nullptr},
                       tensor.average.numel(),
                       0,
                       0});
  launch_lists(items, [&](const List& list, int64_t blocks) {
    cuda.launch("ema", ema_kernel<T>, dim3(static_cast<unsigned>(blocks)), dim3(kThreadsPerBlock),
                0, list, decay, updates.data<int64_t>());
  });
}

}  // namespace

void ema_update(Cuda& cuda, double decay, std::vector<AveragedTensor>& tensors, Tensor& updates) {
  update_all_of<float>(cuda, decay, tensors, updates);
  update_all_of<double>(cuda, decay, tensors, updates);
  updates.increment();
}

}  // namespace tessera

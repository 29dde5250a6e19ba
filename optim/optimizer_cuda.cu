#include "optim/parameter_update_cuda.h"

namespace tessera {
namespace {

constexpr int kCounters = 1;

__global__ void count_kernel(const __grid_constant__ TensorList<kCounters> list,
                             const int32_t* skip) {
  if (skip != nullptr && *skip != 0) return;
  ++*static_cast<int64_t*>(list.items[list.item_of(blockIdx.x)].data[0]);
}

}  // namespace

void count_step(Cuda& cuda, std::vector<ParameterSlot>& slots, const StepRate& rate) {
  std::vector<ListItem<kCounters>> items;
  for (ParameterSlot& slot : slots)
    items.push_back({.data = {slot.steps.raw()}, .n = 1, .value = 0, .first_block = 0});
  launch_lists(items, [&](const TensorList<kCounters>& list, int64_t blocks) {
    cuda.launch("optimizer", count_kernel, dim3(static_cast<unsigned>(blocks)), dim3(1), 0, list,
                skip_flag(rate));
  });
}

}  // namespace tessera

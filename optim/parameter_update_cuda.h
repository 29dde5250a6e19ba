// The optimizers' CUDA kernels: one launch over all parameters. Included by .cu files only.
#pragma once

#include "framework/backend/cuda.h"
#include "framework/backend/tensor_list_cuda.h"
#include "optim/optimizer.h"

namespace tessera {

/// Weight, gradient, mask (or null), steps, and up to two tensors of state (or null).
inline constexpr int kSlotTensors = 6;
using SlotItem = ListItem<kSlotTensors>;
using SlotList = TensorList<kSlotTensors>;

template <class T>
struct SlotView {
  T* weight;
  const T* gradient;
  const uint8_t* mask;
  const int64_t* steps;
  T* state[2];

  __device__ explicit SlotView(const SlotItem& item)
      : weight(static_cast<T*>(item.data[0])),
        gradient(static_cast<const T*>(item.data[1])),
        mask(static_cast<const uint8_t*>(item.data[2])),
        steps(static_cast<const int64_t*>(item.data[3])),
        state{static_cast<T*>(item.data[4]), static_cast<T*>(item.data[5])} {}

  __device__ bool keeps(int64_t i) const { return mask == nullptr || mask[i] != 0; }
};

/// The slots of one type, as list items with their weight decay as value.
inline std::vector<SlotItem> slot_items(std::vector<ParameterSlot>& slots, DType dtype) {
  std::vector<SlotItem> items;
  for (ParameterSlot& slot : slots) {
    if (slot.weight.dtype() != dtype) continue;
    SlotItem item{.data = {slot.weight.raw(), slot.gradient.raw(),
                           slot.mask.defined() ? slot.mask.raw() : nullptr, slot.steps.raw()},
                  .n = slot.weight.numel(),
                  .value = slot.weight_decay,
                  .first_block = 0};
    for (size_t i = 0; i < slot.state.size(); ++i) item.data[4 + i] = slot.state[i].raw();
    items.push_back(item);
  }
  return items;
}

/// Null where the step is never skipped.
inline const int32_t* skip_flag(const StepRate& rate) {
  return rate.skip.defined() ? rate.skip.data<int32_t>() : nullptr;
}

template <class Options>
using UpdateKernel = void (*)(SlotList list, Options options, const double* lr,
                              const int32_t* skip);

/// Queues the kernels of the types that the slots have.
template <class Options>
void launch_update(const char* op, Cuda& cuda, const Options& options, const StepRate& rate,
                   std::vector<ParameterSlot>& slots, UpdateKernel<Options> of_f32,
                   UpdateKernel<Options> of_f64) {
  for (const DType dtype : {DType::f32, DType::f64})
    launch_lists(slot_items(slots, dtype), [&](const SlotList& list, int64_t blocks) {
      cuda.launch(op, dtype == DType::f32 ? of_f32 : of_f64, dim3(static_cast<unsigned>(blocks)),
                  dim3(kThreadsPerBlock), 0, list, options, rate.lr_on_device.data<double>(),
                  skip_flag(rate));
    });
}

}  // namespace tessera

#include "framework/backend/cuda.h"
#include "optim/gradient_list_cuda.h"
#include "optim/loss_scale.h"

namespace tessera {
namespace {

template <class T>
__global__ void unscale_kernel(const __grid_constant__ GradientList list, const float* factor,
                               int32_t* overflowed) {
  const T inverse = static_cast<T>(1 / *factor);
  bool finite = true;
  for_each_in_block(list, [&](const GradientItem& item, int64_t i) {
    T& value = static_cast<T*>(item.data[0])[i];
    value *= inverse;
    finite = finite && isfinite(value);
  });
  if (!finite) atomicExch(overflowed, 1);
}

__global__ void update_kernel(const int32_t* overflowed, float* factor, int32_t* good_steps) {
  const LossScaleValues next = after_step({*factor, *good_steps}, *overflowed != 0);
  *factor = next.scale;
  *good_steps = next.good_steps;
}

}  // namespace

void unscale_tensors(Cuda& cuda, const Tensor& factor, std::vector<Tensor>& tensors,
                     Tensor& overflowed) {
  overflowed.fill(0);
  for_each_gradient_list(tensors, [&]<class T>(const GradientList& list, dim3 blocks) {
    cuda.launch("loss_scale", unscale_kernel<T>, blocks, dim3(kThreadsPerBlock), 0, list,
                factor.data<float>(), overflowed.data<int32_t>());
  });
}

void update_loss_scale(Cuda& cuda, const Tensor& overflowed, Tensor& factor, Tensor& good_steps) {
  cuda.launch("loss_scale", update_kernel, dim3(1), dim3(1), 0, overflowed.data<int32_t>(),
              factor.data<float>(), good_steps.data<int32_t>());
}

}  // namespace tessera

#include "framework/backend/cuda.h"
#include "optim/gradient_list_cuda.h"
#include "optim/gradients.h"

namespace tessera {
namespace {

int64_t blocks_of(const std::vector<Tensor>& tensors) {
  int64_t blocks = 0;
  for (const Tensor& tensor : tensors) blocks += (tensor.numel() + kListChunk - 1) / kListChunk;
  return blocks;
}

/// The sum over a block of kThreadsPerBlock threads, in a fixed order; valid in thread 0.
__device__ double block_sum(double value) {
  __shared__ double sums[kThreadsPerBlock];
  sums[threadIdx.x] = value;
  for (int half = kThreadsPerBlock / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  return sums[0];
}

template <class T>
__global__ void squares_kernel(const __grid_constant__ GradientList list, double* partial) {
  double sum = 0;
  for_each_in_block(list, [&](const GradientItem& item, int64_t i) {
    const auto value = static_cast<double>(static_cast<const T*>(item.data[0])[i]);
    sum += value * value;
  });
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void root_kernel(const double* partial, int64_t n, double* norm) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreadsPerBlock) sum += partial[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *norm = sqrt(sum);
}

/// Elements *= factor, or, where norm is given, *= max_norm / (norm + 1e-6) if that is below 1.
template <class T>
__global__ void scale_kernel(const __grid_constant__ GradientList list, double factor,
                             const double* norm) {
  if (norm != nullptr) {
    factor /= *norm + 1e-6;
    if (!(factor < 1)) return;
  }
  const T scale = static_cast<T>(factor);
  for_each_in_block(list, [&](const GradientItem& item, int64_t i) {
    static_cast<T*>(item.data[0])[i] *= scale;
  });
}

void scale(const char* op, Cuda& cuda, double factor, const double* norm,
           const std::vector<Tensor>& tensors) {
  for_each_gradient_list(tensors, [&]<class T>(const GradientList& list, dim3 blocks) {
    cuda.launch(op, scale_kernel<T>, blocks, dim3(kThreadsPerBlock), 0, list, factor, norm);
  });
}

}  // namespace

void norm_forward(Cuda& cuda, const std::vector<Tensor>& tensors, Tensor& norm) {
  const int64_t blocks = blocks_of(tensors);
  Tensor partial =
      cuda.scratch(std::max<int64_t>(blocks, 1) * static_cast<int64_t>(sizeof(double)));
  auto* next = device_data<double>(partial);
  for_each_gradient_list(tensors, [&]<class T>(const GradientList& list, dim3 grid) {
    cuda.launch("gradient_norm", squares_kernel<T>, grid, dim3(kThreadsPerBlock), 0, list, next);
    next += grid.x;
  });
  cuda.launch("gradient_norm", root_kernel, dim3(1), dim3(kThreadsPerBlock), 0,
              device_data<double>(partial), blocks, norm.data<double>());
}

void scale_tensors(Cuda& cuda, double factor, std::vector<Tensor>& tensors) {
  scale("scale_gradients", cuda, factor, nullptr, tensors);
}

void clip_tensors(Cuda& cuda, const Tensor& norm, double max_norm, std::vector<Tensor>& tensors) {
  scale("clip_gradients", cuda, max_norm, norm.data<double>(), tensors);
}

}  // namespace tessera

#include "framework/backend/cuda.h"
#include "framework/train/batch_loss.h"
#include "framework/train/metric_sums.h"

namespace tessera {
namespace {

constexpr int kWarp = 32, kWarps = kThreadsPerBlock / kWarp;
constexpr int kTop = 5;
constexpr int kLoads = 8;  // of a lane, in flight between two looks at what the warp has found

/// How many of a row's logits are ahead of the label's; from kTop on, any number from kTop on. All
/// lanes of a warp call it.
template <class T>
__device__ int rank_of(const T* row, int64_t label, int64_t classes) {
  const float own = static_cast<float>(row[label]);
  if (isnan(own)) return kTop;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  unsigned ahead = 0, found = 0;
  for (int64_t first = 0; first < classes && found < kTop; first += kLoads * kWarp) {
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const int64_t c = first + i * kWarp + lane;
      if (c >= classes) continue;
      const float value = static_cast<float>(row[c]);
      ahead += !(value <= own) || (value == own && c < label);
    }
    found = __reduce_add_sync(0xffffffffu, ahead);
  }
  return static_cast<int>(found);
}

/// A warp for each row; block 0 also adds the loss. Counts are integers: their order is free.
template <class T>
__global__ void metrics_kernel(const T* logits, const int64_t* labels, const float* loss,
                               int64_t count, int64_t columns, int64_t classes, int64_t part,
                               MetricValues* values) {
  __shared__ int hits[2];
  if (threadIdx.x < 2) hits[threadIdx.x] = 0;
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t first = blockIdx.x * int64_t{kWarps} + threadIdx.x / kWarp;
  for (int64_t n = first; n < count; n += int64_t{gridDim.x} * kWarps) {
    const int64_t label = labels[n];
    if (label < 0 || label >= classes) continue;
    const int rank = rank_of(logits + n * columns, label, classes);
    if (lane == 0 && rank < 1) atomicAdd(&hits[0], 1);
    if (lane == 0 && rank < kTop) atomicAdd(&hits[1], 1);
  }
  __syncthreads();
  using Counter = unsigned long long;
  if (threadIdx.x == 0) {
    atomicAdd(reinterpret_cast<Counter*>(&values->top1), static_cast<Counter>(hits[0]));
    atomicAdd(reinterpret_cast<Counter*>(&values->top5), static_cast<Counter>(hits[1]));
  }
  if (blockIdx.x != 0) return;
  __shared__ int samples;
  if (threadIdx.x == 0) samples = 0;
  __syncthreads();
  int own_samples = 0;
  for (int64_t n = threadIdx.x; n < count; n += kThreadsPerBlock)
    own_samples += labels[n] != kIgnoredLabel;
  atomicAdd(&samples, own_samples);
  __syncthreads();
  if (threadIdx.x != 0) return;
  const double mean = *loss;
  values->loss += mean * static_cast<double>(samples);
  values->step_loss = part == 0 ? mean : values->step_loss + mean;
  if (!isfinite(mean) && values->first_bad < 0) {
    values->first_bad = values->batches;
    values->bad_loss = mean;
  }
  values->samples += samples;
  ++values->batches;
}

}  // namespace

void metrics_add(Cuda& cuda, const Logits& of_batch, const Tensor& labels, const Tensor& loss,
                 int64_t part, MetricValues* values) {
  const Tensor& logits = of_batch.values;
  const int64_t blocks = std::clamp<int64_t>((logits.dim(0) + kWarps - 1) / kWarps, 1, 1024);
  dispatch_cuda_float("metrics", logits.dtype(), [&]<class T>() {
    cuda.launch("metrics", metrics_kernel<T>, dim3(static_cast<unsigned>(blocks)),
                dim3(kThreadsPerBlock), 0, device_data<T>(logits), labels.data<int64_t>(),
                loss.data<float>(), logits.dim(0), logits.dim(1), of_batch.classes, part, values);
  });
}

}  // namespace tessera

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "framework/core/device_memory.h"
#include "framework/core/dtype_dispatch.h"
#include "framework/core/runtime_cuda.h"

namespace tessera {
namespace {

constexpr int kMaxDevices = 64;

template <class F>
decltype(auto) dispatch_device(DType dtype, F&& f) {
  return dispatch_dtype<__nv_bfloat16, __half>(dtype, std::forward<F>(f));
}

template <class T>
__global__ void fill_kernel(T* to, T value, int64_t n) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < n;
       i += int64_t{gridDim.x} * blockDim.x)
    to[i] = value;
}

__global__ void increment_kernel(int64_t* counter) { ++*counter; }

template <class To, class From>
__global__ void convert_kernel(To* to, const From* from, int64_t n) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < n;
       i += int64_t{gridDim.x} * blockDim.x)
    to[i] = converted<To>(from[i]);
}

/// What exists once for each device.
struct DeviceState {
  cudaStream_t stream = nullptr;
  KernelError* error = nullptr;
};

DeviceState make_state(int device) {
  std::string reason;
  const int count = cuda_device_count(&reason);
  require_runtime(device >= 0 && device < count && device < kMaxDevices,
                  "[cuda] device cuda:", device, " must exist; got ", count, " devices",
                  reason.empty() ? "" : " (" + reason + ")", ". Use device cpu, or auto.");
  check_cuda(cudaSetDevice(device), "cuda", "cudaSetDevice");
  cudaFuncAttributes attributes;
  const cudaError_t built = cudaFuncGetAttributes(&attributes, fill_kernel<float>);
  if (built == cudaErrorNoKernelImageForDevice || built == cudaErrorInvalidDeviceFunction) {
    cudaDeviceProp properties{};
    check_cuda(cudaGetDeviceProperties(&properties, device), "cuda", "cudaGetDeviceProperties");
    fail_runtime("[cuda] this build must hold code for ", properties.name, ", sm_",
                 properties.major, properties.minor,
                 "; got none. Configure with -DTESSERA_CUDA_ARCHITECTURES=", properties.major,
                 properties.minor, ".");
  }
  check_cuda(built, "cuda", "cudaFuncGetAttributes");
  DeviceState state;
  check_cuda(cudaStreamCreateWithFlags(&state.stream, cudaStreamNonBlocking), "cuda",
             "cudaStreamCreateWithFlags");
  void* error = nullptr;
  check_cuda(cudaHostAlloc(&error, sizeof(KernelError), cudaHostAllocMapped), "cuda",
             "cudaHostAlloc");
  state.error = new (error) KernelError;
  return state;
}

/// Also makes the device current on this thread.
DeviceState& state_of(int device) {
  static std::mutex mutex;
  static std::array<DeviceState, kMaxDevices> states{};
  std::lock_guard lock(mutex);
  if (device < 0 || device >= kMaxDevices ||
      states[static_cast<size_t>(device)].stream == nullptr) {
    const DeviceState state = make_state(device);
    return states[static_cast<size_t>(device)] = state;
  }
  check_cuda(cudaSetDevice(device), "cuda", "cudaSetDevice");
  return states[static_cast<size_t>(device)];
}

}  // namespace

void check_cuda(cudaError_t status, const char* where, const char* call) {
  require_runtime(status == cudaSuccess, "[", where, "] ", call, " must succeed; got ",
                  cudaGetErrorName(status), ": ", cudaGetErrorString(status),
                  ". TESSERA_CUDA_SYNC=1 names the op that failed.");
}

int cuda_device_count(std::string* reason) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  if (reason != nullptr)
    *reason = status == cudaErrorInsufficientDriver
                  ? "no driver, or one older than this build's CUDA"
                  : (status == cudaSuccess ? "no device" : cudaGetErrorString(status));
  cudaGetLastError();  // an absent device is no error of what comes after
  return 0;
}

cudaStream_t compute_stream(int device) { return state_of(device).stream; }
KernelError* kernel_error(int device) { return state_of(device).error; }

void check_kernel_error(int device) {
  KernelError* const error = kernel_error(device);
  if (error->describe == nullptr) return;
  const KernelError found = std::exchange(*error, {});
  throw std::invalid_argument(found.describe(found.values));
}

namespace device_memory {

std::byte* allocate(Device device, int64_t bytes) {
  compute_stream(device.index);
  // While a graph is captured, too: the memory is the graph's from before its first replay on.
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  check_cuda(cudaThreadExchangeStreamCaptureMode(&mode), "allocator",
             "cudaThreadExchangeStreamCaptureMode");
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, static_cast<size_t>(bytes));
  check_cuda(cudaThreadExchangeStreamCaptureMode(&mode), "allocator",
             "cudaThreadExchangeStreamCaptureMode");
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check_cuda(status, "allocator", "cudaMalloc");
  return static_cast<std::byte*>(data);
}

void release(Device device, std::byte* data) {
  cudaSetDevice(device.index);
  cudaFree(data);  // at the process's end the driver may be gone already: nothing to report
}

int64_t free_bytes(Device device) {
  compute_stream(device.index);
  size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "allocator", "cudaMemGetInfo");
  return static_cast<int64_t>(free);
}

namespace {

std::atomic<int64_t>& waits_of(Device device) {
  static std::array<std::atomic<int64_t>, kMaxDevices> waits{};
  return waits[static_cast<size_t>(device.index)];
}

}  // namespace

int64_t host_waits(Device device) { return waits_of(device); }

void copy(Device to_device, void* to, Device from_device, const void* from, int64_t bytes) {
  const cudaStream_t stream =
      compute_stream(from_device.is_cpu() ? to_device.index : from_device.index);
  check_cuda(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault, stream),
             "copy", "cudaMemcpyAsync");
  // From the CPU too: the caller may free or overwrite the source as soon as this returns.
  if (to_device.is_cpu() || from_device.is_cpu()) {
    ++waits_of(from_device.is_cpu() ? to_device : from_device);
    check_cuda(cudaStreamSynchronize(stream), "copy", "cudaStreamSynchronize");
  }
  if (to_device.is_cpu()) check_kernel_error(from_device.index);
}

void set_zero(Device device, void* to, int64_t bytes) {
  check_cuda(cudaMemsetAsync(to, 0, static_cast<size_t>(bytes), compute_stream(device.index)),
             "zeros", "cudaMemsetAsync");
}

void fill(Device device, void* to, DType dtype, int64_t n, double value) {
  if (n == 0) return;
  const cudaStream_t stream = compute_stream(device.index);
  dispatch_device(dtype, [&]<class T>() {
    fill_kernel<<<blocks_for(n), kThreadsPerBlock, 0, stream>>>(static_cast<T*>(to),
                                                                converted<T>(value), n);
  });
  check_cuda(cudaGetLastError(), "fill", "the launch");
}

void increment(Device device, int64_t* counter) {
  increment_kernel<<<1, 1, 0, compute_stream(device.index)>>>(counter);
  check_cuda(cudaGetLastError(), "increment", "the launch");
}

void convert(Device device, void* to, DType to_dtype, const void* from, DType from_dtype,
             int64_t n) {
  if (n == 0) return;
  const cudaStream_t stream = compute_stream(device.index);
  dispatch_device(from_dtype, [&]<class From>() {
    dispatch_device(to_dtype, [&]<class To>() {
      convert_kernel<<<blocks_for(n), kThreadsPerBlock, 0, stream>>>(
          static_cast<To*>(to), static_cast<const From*>(from), n);
    });
  });
  check_cuda(cudaGetLastError(), "to", "the launch");
}

}  // namespace device_memory
}  // namespace tessera

// A CUDA device as a backend: its stream, library handles, scratch memory and launches. Kernels
// take it as their first argument. Included by .cu files only.
//
// All work goes to the device's one compute stream, in order. A kernel never waits for the device:
// that is the caller's, by Tensor::item() and copies to the CPU.
#pragma once

#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cudnn.h>

#include <memory>
#include <utility>

#include "framework/backend/backend.h"
#include "framework/core/runtime_cuda.h"
#include "framework/core/tensor.h"

namespace tessera {

class Cuda {
 public:
  explicit Cuda(int device);
  ~Cuda();
  Cuda(const Cuda&) = delete;
  Cuda& operator=(const Cuda&) = delete;

  Device device() const { return {Device::Type::cuda, device_}; }
  cudaStream_t stream() const { return stream_; }
  int multiprocessors() const { return multiprocessors_; }
  /// Compute capability, major * 10 + minor: 90 on Hopper.
  int capability() const { return capability_; }

  /// Bound to stream(); made on first use.
  cublasLtHandle_t cublaslt();
  cudnnHandle_t cudnn();

  /// Whether f32 products may run in TF32 (run.tf32): 10 bits of mantissa. Off at first.
  bool tf32() const { return tf32_; }
  void set_tf32(bool allowed) { tf32_ = allowed; }

  /// Whether engines are measured where there are several (autotune.h).
  bool autotune() const { return autotune_; }
  void set_autotune(bool allowed) { autotune_ = allowed; }

  /// `bytes` of scratch memory, u8: free for the next op once the handle is gone, since the stream
  /// is in order.
  Tensor scratch(int64_t bytes) const {
    return Tensor::empty({bytes}, {.dtype = DType::u8, .device = device()});
  }

  /// Queues kernel<<<grid, block, shared>>>(arguments...). An empty grid is no launch.
  /// Throws: std::runtime_error naming `op` where the launch is refused.
  template <class... Parameters, class... Arguments>
  void launch(const char* op, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared,
              Arguments&&... arguments) const {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    kernel<<<grid, block, shared, stream_>>>(std::forward<Arguments>(arguments)...);
    check_cuda(cudaGetLastError(), op, "the kernel's launch");
  }

  /// A grid-stride kernel over n elements.
  template <class... Parameters, class... Arguments>
  void launch_elements(const char* op, void (*kernel)(Parameters...), int64_t n,
                       Arguments&&... arguments) const {
    launch(op, kernel, dim3(n == 0 ? 0 : blocks_for(n)), dim3(kThreadsPerBlock), 0,
           std::forward<Arguments>(arguments)...);
  }

 private:
  int device_;
  cudaStream_t stream_;
  int multiprocessors_ = 0, capability_ = 0;
  bool tf32_ = false, autotune_ = false;
  cublasLtHandle_t cublaslt_ = nullptr;
  cudnnHandle_t cudnn_ = nullptr;
};

/// Throw std::runtime_error naming the op, the call and the library's reason.
void check_cublas(cublasStatus_t status, const char* op, const char* call);
void check_cudnn(cudnnStatus_t status, const char* op, const char* call);

/// The type that kernels compute sums and functions of T in.
template <class T>
struct AccumulatorOf {
  using type = float;
};
template <>
struct AccumulatorOf<double> {
  using type = double;
};
template <class T>
using Accumulator = typename AccumulatorOf<T>::type;

/// Calls f.template operator()<T>() with T = float, double, __nv_bfloat16 or __half.
/// Throws: std::invalid_argument naming `op` for every other type.
template <class F>
decltype(auto) dispatch_cuda_float(const char* op, DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f.template operator()<float>();
    case DType::f64:
      return f.template operator()<double>();
    case DType::bf16:
      return f.template operator()<__nv_bfloat16>();
    case DType::f16:
      return f.template operator()<__half>();
    default:
      fail("[", op, "] dtype must be f32, f64, bf16 or f16 on a CUDA device; got ", dtype, ".");
  }
}

/// The elements as the device's type T, which stands for the tensor's dtype.
/// REQUIRES: T has the size of the dtype (dispatch_cuda_float gives such a T).
template <class T>
T* device_data(Tensor& tensor) {
  return reinterpret_cast<T*>(tensor.raw());
}
template <class T>
const T* device_data(const Tensor& tensor) {
  return reinterpret_cast<const T*>(tensor.raw());
}

}  // namespace tessera

// Which backend an op runs on: kernels are plain overloads on the backend object, so that a missing
// kernel is a link error.
#pragma once

#include "framework/backend/cpu.h"
#include "framework/core/storage.h"

namespace tessera {

class Cuda;  // framework/backend/cuda.h, for .cu files

/// The backend of a CUDA device, made on first use.
/// Throws: std::runtime_error where there is no such device.
Cuda& cuda(int device);

/// Whether f32 products on a CUDA device may round their factors to TF32; at first they may not.
/// In builds with CUDA only.
void allow_tf32(Device device, bool allowed);

/// A named range of the CUDA backend's work, for profilers (NVTX). Under TESSERA_CUDA_SYNC=1
/// finish() waits for the op's kernels, so that an error in one of them names its op.
class CudaOpScope {
 public:
  CudaOpScope(const char* op, int device);
  ~CudaOpScope();
  CudaOpScope(const CudaOpScope&) = delete;
  CudaOpScope& operator=(const CudaOpScope&) = delete;
  /// Throws: std::runtime_error naming the op where a launch failed.
  void finish();

 private:
  const char* op_;
  int device_;
};

/// Calls f(backend) with the backend that `device` belongs to.
/// Throws: std::invalid_argument where this build has no such backend.
template <class F>
void on_backend(const char* op, Device device, F&& f) {
  set_current_op(op);
  if (device.is_cpu()) return f(cpu());
  if constexpr (kCudaBuild) {
    CudaOpScope scope(op, device.index);
    f(cuda(device.index));
    scope.finish();
  } else {
    fail("[", op, "] the tensor must be on the cpu in a build without CUDA; got one on ", device,
         ". Configure with -DTESSERA_CUDA=ON.");
  }
}

}  // namespace tessera

// The CUDA runtime as core and backend use it: checked calls, the compute stream, launches.
// Included by .cu and *_cuda files only.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "framework/core/device.h"
#include "framework/core/errors.h"
#include "framework/core/kernel_error.h"

namespace tessera {

/// Throws: std::runtime_error "[where] call must succeed; got ..." unless status is cudaSuccess.
void check_cuda(cudaError_t status, const char* where, const char* call);

/// The stream that all work of this device is queued on; made on first use, non-blocking.
/// Also makes the device current on this thread.
/// Throws: std::runtime_error where there is no such device, or no code in this build for it.
cudaStream_t compute_stream(int device);

/// Where kernels of this device report an error: host memory that it can write. A kernel fills it
/// from one thread, unless it holds an error already.
KernelError* kernel_error(int device);

/// Throws: std::invalid_argument with the error that a kernel reported, and forgets it.
/// REQUIRES: the host has waited for the compute stream; what runs later is not seen.
void check_kernel_error(int device);

inline constexpr int kThreadsPerBlock = 256;

/// Blocks of kThreadsPerBlock threads for a grid-stride loop over n >= 1 elements.
inline unsigned blocks_for(int64_t n) {
  // Enough to fill every device there is (132 multiprocessors of 8 such blocks), few enough that
  // the tail is short.
  constexpr int64_t kMaxBlocks = 4096;
  return static_cast<unsigned>(std::min((n + kThreadsPerBlock - 1) / kThreadsPerBlock, kMaxBlocks));
}

}  // namespace tessera

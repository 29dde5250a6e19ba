// What there is of CUDA: versions, devices, and waiting for one. Without CUDA headers, for tools.
#pragma once

#include <string>
#include <vector>

#include "framework/core/device.h"

namespace tessera {

struct CudaDeviceInfo {
  std::string name;
  int capability = 0;  ///< major * 10 + minor
  int multiprocessors = 0;
  int64_t memory_bytes = 0, free_bytes = 0;
};

struct CudaInfo {
  std::string driver, runtime, cublas, cudnn;  ///< versions; "none" for a missing driver
  std::string architectures;                   ///< that this build holds code for
  std::vector<CudaDeviceInfo> devices;
  std::string reason;  ///< why there is no device; empty where there is one
};

/// REQUIRES: kCudaBuild.
CudaInfo cuda_info();

/// Waits until all work queued on `device` is done; nothing on the CPU.
/// Throws: std::runtime_error where some of it failed.
void synchronize(Device device);

}  // namespace tessera

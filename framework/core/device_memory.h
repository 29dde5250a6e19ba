// What tensors ask of a device other than the CPU: raw memory, copies and fills. A build with CUDA
// implements it in device_memory_cuda.cu; without, no tensor on such a device can be made, and
// nothing here is called.
//
// Work on a device is ordered by its one compute stream, which all kernels and copies are queued
// on; so a freed block may be reused at once. The host waits only where it reads: copies to the CPU
// return when they are done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "framework/core/device.h"
#include "framework/core/dtype.h"

namespace tessera {

/// CUDA devices that this build can use here; 0 without a driver, without a device, or in a build
/// without CUDA. `reason`, where given, receives why there is none.
int cuda_device_count(std::string* reason = nullptr);

namespace device_memory {

/// Null where memory is out.
std::byte* allocate(Device device, int64_t bytes);
void release(Device device, std::byte* data);
/// What the driver could still give.
int64_t free_bytes(Device device);

/// How often the host has waited for the device's work so far; for tests.
int64_t host_waits(Device device);

/// One of the two is a CUDA device.
void copy(Device to_device, void* to, Device from_device, const void* from, int64_t bytes);
void set_zero(Device device, void* to, int64_t bytes);
void fill(Device device, void* to, DType dtype, int64_t n, double value);
/// ++*counter.
void increment(Device device, int64_t* counter);
/// Element by element, rounding to nearest even.
void convert(Device device, void* to, DType to_dtype, const void* from, DType from_dtype,
             int64_t n);

}  // namespace device_memory
}  // namespace tessera

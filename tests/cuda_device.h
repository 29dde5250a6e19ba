// For tests that need a CUDA device.
#pragma once

#include <doctest/doctest.h>

#include "framework/core/device_memory.h"

namespace tessera::testing {

inline constexpr Device kCuda{Device::Type::cuda, 0};

/// Whether to go on; says why not.
inline bool has_cuda_device() {
  if constexpr (kCudaBuild)
    if (cuda_device_count() > 0) return true;
  MESSAGE("skipped: no CUDA device");
  return false;
}

}  // namespace tessera::testing

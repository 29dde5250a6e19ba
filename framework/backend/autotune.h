// Whether a CUDA device measures cuDNN's engines and cuBLASLt's algorithms and takes the fastest
// (run.autotune), or takes the first of the library's own ranking; at first it does not measure. In
// builds with CUDA only.
//
// The ranking is a function of shapes, types, device and library, so runs repeat bit by bit. A
// measurement is not: a process keeps its choice, another one may choose an engine that adds in
// another order.
#pragma once

#include "framework/core/device.h"

namespace tessera {

/// Returns what was allowed before.
bool allow_autotune(Device device, bool allowed);

/// While it lives, a CUDA device measures; on the CPU it does nothing.
class AutotuneScope {
 public:
  explicit AutotuneScope(Device device) : device_(device), before_(set(true)) {}
  ~AutotuneScope() { set(before_); }
  AutotuneScope(const AutotuneScope&) = delete;
  AutotuneScope& operator=(const AutotuneScope&) = delete;

 private:
  bool set(bool allowed) const {
    if constexpr (kCudaBuild)
      if (!device_.is_cpu()) return allow_autotune(device_, allowed);
    return false;
  }

  Device device_;
  bool before_;
};

}  // namespace tessera

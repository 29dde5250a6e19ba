// Copies from the host to a CUDA device that run beside its kernels.
#pragma once

#include <memory>

#include "framework/core/tensor.h"

namespace tessera {

/// One buffer of pinned memory and the copy out of it. The calls go round: start(), finish(), the
/// work that reads the target is queued, release(), start() ...
class Upload {
 public:
  virtual ~Upload() = default;
  /// Takes the elements of `from` (which may change at once) and queues their copy to `to`, after
  /// the work that was queued on the compute stream before release(). Waits only where the copy
  /// before is not through.  REQUIRES: equal shape, type and layout; `from` on the cpu.
  virtual void start(const Tensor& from, Tensor& to) = 0;
  /// Lets what is queued on the compute stream from now on wait for the copy. The host does not.
  virtual void finish() = 0;
  /// The readers of the target are queued: it may be overwritten after them.
  virtual void release() = 0;
};

/// In builds with CUDA only.
std::unique_ptr<Upload> make_upload(Device device);

}  // namespace tessera

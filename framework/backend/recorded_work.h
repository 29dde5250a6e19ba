// Work that is queued once and replayed: a CUDA graph.
#pragma once

#include <functional>
#include <memory>

#include "framework/core/device.h"

namespace tessera {

class RecordedWork {
 public:
  virtual ~RecordedWork() = default;
  /// Queues the work again, with the addresses and values that it was recorded with.
  virtual void replay() = 0;
};

/// Records what work() queues on a CUDA device; nothing of it runs yet. Its memory comes from a
/// pool of its own, which stays reserved while the record lives; tensors made before that it reads
/// or writes must live as long. work() must not wait for the device, and must have run before, so
/// that plans are made and kernels loaded. `bytes`: the most that it holds at once, if known.
/// Throws: std::runtime_error where work() did what cannot be recorded; what it throws itself.
/// In builds with CUDA only.
std::unique_ptr<RecordedWork> record_work(Device device, const std::function<void()>& work,
                                          int64_t bytes = 0);

}  // namespace tessera

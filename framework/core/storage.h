// Blocks of memory, and the caching allocator that they come from.
// Freed blocks are kept for reuse, since fresh pages cost a fault each. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "framework/core/device.h"

namespace tessera {

struct MemoryStats {
  int64_t current_bytes = 0;   ///< in use by live storages
  int64_t peak_bytes = 0;      ///< the highest current_bytes since the last reset_peak_memory()
  int64_t cached_bytes = 0;    ///< freed, kept for reuse
  int64_t segments_taken = 0;  ///< how often memory was asked of the system or the device
};

MemoryStats memory_stats(Device device = {});
void reset_peak_memory(Device device = {});
/// Gives the cached blocks back to the operating system.
void release_cached_memory(Device device = {});

/// While it lives, memory of a CUDA device comes from a pool of its own
/// (framework/core/device_allocator.h). REQUIRES: one at a time on a device.
class MemoryPoolScope {
 public:
  explicit MemoryPoolScope(Device device, int64_t bytes = 0);
  ~MemoryPoolScope();
  MemoryPoolScope(const MemoryPoolScope&) = delete;
  MemoryPoolScope& operator=(const MemoryPoolScope&) = delete;

  int64_t pool() const { return pool_; }

 private:
  Device device_;
  int64_t pool_;
};
/// Gives a pool's memory back to everybody.
void drop_memory_pool(Device device, int64_t pool);

/// The op that this thread runs, or ran last: for errors that surface below it.
const char* current_op();
void set_current_op(const char* op);

/// One block of device memory, aligned to 64 bytes, contents undefined.
class Storage {
 public:
  /// Throws: std::runtime_error with the sizes asked for, held and cached when memory is out.
  Storage(int64_t bytes, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  std::byte* data_;
  int64_t bytes_;
  int64_t capacity_;
  Device device_;
};

}  // namespace tessera

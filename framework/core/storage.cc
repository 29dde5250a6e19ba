#include "framework/core/storage.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>

#include "framework/core/device_allocator.h"
#include "framework/core/device_memory.h"
#include "framework/core/errors.h"
#include "framework/core/out_of_memory.h"

namespace tessera {
namespace {

constexpr int64_t kAlignment = 64;  // a cache line, and the widest vector register
// A cached block may be this much larger than the request: wider wastes memory, narrower misses.
constexpr int64_t kMaxWasteDivisor = 8;

struct MemoryBlock {
  std::byte* data;
  int64_t capacity;
};

/// That of the cpu.
class CachingAllocator {
 public:
  MemoryBlock allocate(int64_t bytes) {
    const int64_t wanted = std::max<int64_t>((bytes + kAlignment - 1) / kAlignment, 1) * kAlignment;
    std::lock_guard lock(mutex_);
    MemoryBlock block = take_cached(wanted);
    if (block.data == nullptr) block = take_fresh(wanted);
    if (block.data == nullptr) {
      release_cached_locked();
      block = take_fresh(wanted);
    }
    if (block.data == nullptr)
      throw OutOfMemory(concat("[allocator] memory must suffice; asked for ", wanted,
                               " bytes with ", stats_.current_bytes,
                               " in use on cpu. Use a smaller batch or model."));
    stats_.current_bytes += block.capacity;
    stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.current_bytes);
    return block;
  }

  void free(MemoryBlock block) {
    std::lock_guard lock(mutex_);
    stats_.current_bytes -= block.capacity;
    stats_.cached_bytes += block.capacity;
    cache_.emplace(block.capacity, block.data);
  }

  void release_cached() {
    std::lock_guard lock(mutex_);
    release_cached_locked();
  }

  MemoryStats stats() {
    std::lock_guard lock(mutex_);
    return stats_;
  }

  void reset_peak() {
    std::lock_guard lock(mutex_);
    stats_.peak_bytes = stats_.current_bytes;
  }

 private:
  MemoryBlock take_fresh(int64_t bytes) {
    ++stats_.segments_taken;
    return {static_cast<std::byte*>(std::aligned_alloc(kAlignment, static_cast<size_t>(bytes))),
            bytes};
  }

  MemoryBlock take_cached(int64_t wanted) {
    const auto it = cache_.lower_bound(wanted);
    if (it == cache_.end() || it->first > wanted + wanted / kMaxWasteDivisor) return {nullptr, 0};
    const MemoryBlock block{it->second, it->first};
    stats_.cached_bytes -= block.capacity;
    cache_.erase(it);
    return block;
  }

  void release_cached_locked() {
    for (const auto& [capacity, data] : cache_) std::free(data);
    cache_.clear();
    stats_.cached_bytes = 0;
  }

  std::mutex mutex_;
  std::multimap<int64_t, std::byte*> cache_;
  MemoryStats stats_;
};

// Never destroyed: tensors with static storage duration may outlive every other object.
CachingAllocator& cpu_allocator() {
  static auto* const allocator = new CachingAllocator;
  return *allocator;
}

DeviceAllocator& device_allocator(Device device) {
  if constexpr (kCudaBuild) {
    static auto* const mutex = new std::mutex;
    static auto* const allocators = new std::map<int, DeviceAllocator>;
    std::lock_guard lock(*mutex);
    const DeviceAllocator::Source source{
        [device](int64_t bytes) { return device_memory::allocate(device, bytes); },
        [device](std::byte* data) { device_memory::release(device, data); }};
    return allocators->try_emplace(device.index, source).first->second;
  } else {
    fail("[allocator] this build has no memory on ", device,
         "; got a request for it. Use device cpu, or configure with -DTESSERA_CUDA=ON.");
  }
}

MemoryBlock allocate_on(Device device, int64_t bytes) {
  if (device.is_cpu()) return cpu_allocator().allocate(bytes);
  DeviceAllocator& allocator = device_allocator(device);
  std::byte* const data = allocator.allocate(bytes);
  if constexpr (kCudaBuild) {
    if (data == nullptr) {
      const MemoryStats stats = allocator.stats();
      throw OutOfMemory(concat("[allocator] memory must suffice; asked for ", bytes, " bytes with ",
                               stats.current_bytes, " in use, ", stats.cached_bytes,
                               " cached in pieces and ", device_memory::free_bytes(device),
                               " free, after op ", current_op(), ", on ", device,
                               ". Use a smaller batch or model."));
    }
  }
  return {data, bytes};
}

thread_local const char* running_op = "none";

}  // namespace

const char* current_op() { return running_op; }
void set_current_op(const char* op) { running_op = op; }

MemoryStats memory_stats(Device device) {
  return device.is_cpu() ? cpu_allocator().stats() : device_allocator(device).stats();
}

void reset_peak_memory(Device device) {
  device.is_cpu() ? cpu_allocator().reset_peak() : device_allocator(device).reset_peak();
}

void release_cached_memory(Device device) {
  device.is_cpu() ? cpu_allocator().release_cached() : device_allocator(device).release_cached();
}

MemoryPoolScope::MemoryPoolScope(Device device, int64_t bytes)
    : device_(device), pool_(device_allocator(device).open_pool(bytes)) {}
MemoryPoolScope::~MemoryPoolScope() { device_allocator(device_).close_pool(); }
void drop_memory_pool(Device device, int64_t pool) { device_allocator(device).drop_pool(pool); }

Storage::Storage(int64_t bytes, Device device) : bytes_(bytes), device_(device) {
  const MemoryBlock block = allocate_on(device, bytes);
  data_ = block.data;
  capacity_ = block.capacity;
}

Storage::~Storage() {
  if (device_.is_cpu())
    cpu_allocator().free({data_, capacity_});
  else
    device_allocator(device_).free(data_);
}

}  // namespace tessera

#include "framework/core/storage.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>

#include "framework/core/device_memory.h"
#include "framework/core/errors.h"

namespace tessera {
namespace {

constexpr int64_t kAlignment = 64;  // a cache line, and the widest vector register
// A cached block may be this much larger than the request: wider wastes memory, narrower misses.
constexpr int64_t kMaxWasteDivisor = 8;

class CachingAllocator {
 public:
  explicit CachingAllocator(Device device) : device_(device) {}

  struct Block {
    std::byte* data;
    int64_t capacity;
  };

  Block allocate(int64_t bytes) {
    const int64_t wanted = std::max<int64_t>((bytes + kAlignment - 1) / kAlignment, 1) * kAlignment;
    std::lock_guard lock(mutex_);
    Block block = take_cached(wanted);
    if (block.data == nullptr) block = {allocate_fresh(wanted), wanted};
    if (block.data == nullptr) {
      release_cached_locked();
      block = {allocate_fresh(wanted), wanted};
    }
    require_runtime(block.data != nullptr, "[allocator] memory must suffice; asked for ", wanted,
                    " bytes with ", stats_.current_bytes, " in use", of_device(), " on ", device_,
                    ". Use a smaller batch or model.");
    stats_.current_bytes += block.capacity;
    stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.current_bytes);
    return block;
  }

  void free(Block block) {
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
  std::byte* allocate_fresh(int64_t bytes) const {
    if constexpr (kCudaBuild)
      if (!device_.is_cpu()) return device_memory::allocate(device_, bytes);
    return static_cast<std::byte*>(std::aligned_alloc(kAlignment, static_cast<size_t>(bytes)));
  }

  void release(std::byte* data) const {
    if constexpr (kCudaBuild)
      if (!device_.is_cpu()) return device_memory::release(device_, data);
    std::free(data);
  }

  /// What the driver still has, and the op that asked; nothing on the CPU.
  std::string of_device() const {
    if constexpr (kCudaBuild)
      if (!device_.is_cpu())
        return concat(", ", device_memory::free_bytes(device_), " free, after op ", current_op());
    return "";
  }

  Block take_cached(int64_t wanted) {
    const auto it = cache_.lower_bound(wanted);
    if (it == cache_.end() || it->first > wanted + wanted / kMaxWasteDivisor) return {nullptr, 0};
    const Block block{it->second, it->first};
    stats_.cached_bytes -= block.capacity;
    cache_.erase(it);
    return block;
  }

  void release_cached_locked() {
    for (const auto& [capacity, data] : cache_) release(data);
    cache_.clear();
    stats_.cached_bytes = 0;
  }

  const Device device_;
  std::mutex mutex_;
  std::multimap<int64_t, std::byte*> cache_;
  MemoryStats stats_;
};

// Never destroyed: tensors with static storage duration may outlive every other object.
CachingAllocator& allocator(Device device) {
  require(kCudaBuild || device.is_cpu(), "[allocator] this build has no memory on ", device,
          "; got a request for it. Use device cpu, or configure with -DTESSERA_CUDA=ON.");
  static auto* const cpu_allocator = new CachingAllocator({});
  if (device.is_cpu()) return *cpu_allocator;
  static auto* const mutex = new std::mutex;
  static auto* const allocators = new std::map<int, CachingAllocator>;
  std::lock_guard lock(*mutex);
  return allocators->try_emplace(device.index, device).first->second;
}

thread_local const char* running_op = "none";

}  // namespace

const char* current_op() { return running_op; }
void set_current_op(const char* op) { running_op = op; }

MemoryStats memory_stats(Device device) { return allocator(device).stats(); }
void reset_peak_memory(Device device) { allocator(device).reset_peak(); }
void release_cached_memory(Device device) { allocator(device).release_cached(); }

Storage::Storage(int64_t bytes, Device device) : bytes_(bytes), device_(device) {
  const auto block = allocator(device).allocate(bytes);
  data_ = block.data;
  capacity_ = block.capacity;
}

Storage::~Storage() { allocator(device_).free({data_, capacity_}); }

}  // namespace tessera
